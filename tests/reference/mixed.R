# Linear mixed models by lme4: what tests/test_mixed.py reads.

suppressPackageStartupMessages(library(lme4))
source("tests/reference/common.R")

long <- long_view(wide)
long$weight <- 1

for (form in names(forms)) {
  rows <- standardised(long[complete.cases(long[c(form, correlates)]), ])
  formula <- reformulate(c("area", "issue", correlates, "(1 | respondent)"), form)
  tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))
  model <- lmer(formula, rows, REML = TRUE, control = tight)
  people <- length(unique(rows$respondent))
  for (name in names(fixef(model))) {
    estimate <- fixef(model)[[name]]
    error <- sqrt(vcov(model)[name, name])
    half <- qt(0.975, people - 1) * error
    values <- list(
      estimate = estimate, standard_error = error, low = estimate - half, high = estimate + half,
      statistic = estimate / error, p = 2 * pt(-abs(estimate / error), people - 1),
      n = nrow(rows), clusters = people
    )
    for (statistic in names(values)) {
      keep("fit_mixed", c(form, key(name)), statistic, values[[statistic]])
    }
  }
  parts <- as.data.frame(VarCorr(model))$vcov
  # the interval by the profile of the restricted likelihood, over the share itself
  deviance <- lmer(formula, rows, REML = TRUE, devFunOnly = TRUE)
  excess <- function(icc) {
    deviance(sqrt(icc / (1 - icc))) - REMLcrit(model) - qchisq(0.95, 1)
  }
  best <- parts[1] / sum(parts)
  values <- list(
    variance_respondent = parts[1], variance_residual = parts[2], icc = best,
    icc_low = uniroot(excess, c(0, best), tol = 1e-10)$root,
    icc_high = uniroot(excess, c(best, 0.99), tol = 1e-10)$root,
    n = nrow(rows), clusters = people
  )
  for (statistic in names(values)) keep("intraclass", form, statistic, values[[statistic]])
}
write_reference("mixed", "lme4")
