# Ordered and fractional models by MASS, survey, sandwich and glm: what tests/test_ordered.py,
# tests/test_fractional.py and tests/test_correlates.py (the latent scale) read.

suppressPackageStartupMessages({
  library(MASS)
  library(survey)
  library(sandwich)
})
source("tests/reference/common.R")

long <- long_view(wide)

# Complete rows, numbers standardised over them; weights of mean 1, since sandwich multiplies a
# polr's covariance by the sum of weights and divides by the number of rows.
complete <- function(outcomes, issue, weighted = TRUE) {
  rows <- long[issue == "all" | long$issue == issue, ]
  rows <- rows[complete.cases(rows[c(outcomes, correlates)]), ]
  rows$weight <- if (weighted) rows$weight / mean(rows$weight) else 1
  standardised(rows)
}
right <- function(issue) c("area", if (issue == "all") "issue", correlates)
bands <- function(x) cut(x, c(-Inf, 0, 50 - 1e-9, Inf), c("none", "some", "much"))
tight <- list(reltol = 1e-15, maxit = 5000) # polr's own 1e-8 stops early

ordered <- function(y, issue, rows) {
  rows$y <- y
  # polr looks for its weights and its data where its formula was made
  formula <- reformulate(right(issue), "y")
  # and finds its start by a binomial glm, which warns of weights that are not whole numbers
  suppressWarnings(
    eval(bquote(polr(.(formula), rows, weights = weight, Hess = TRUE, control = tight)))
  )
}

# G/(G-1) (n-1)/(n-k) times the squared sums over respondents of bread times scores.
clustered <- function(models, rows) {
  influence <- do.call(cbind, lapply(models, function(m) estfun(m) %*% bread(m) / nrow(rows)))
  n <- nrow(rows) * length(models)
  g <- length(unique(rows$respondent))
  crossprod(rowsum(influence, rows$respondent)) *
    (g / (g - 1) * (n - 1) / (n - ncol(influence)))
}

keep_test <- function(table, keys, value, error, people) {
  keep(table, keys, "standard_error", error)
  keep(table, keys, "high", value + qt(0.975, people - 1) * error)
  keep(table, keys, "p", 2 * pt(-abs(value / error), people - 1))
}

keep_wald <- function(table, keys, value, covariance, people) {
  statistic <- drop(value %*% solve(covariance, value)) / length(value)
  keep(table, keys, "statistic", statistic)
  keep(table, keys, "df", length(value))
  keep(table, keys, "df_residual", people - 1)
  keep(table, keys, "p", pf(statistic, length(value), people - 1, lower.tail = FALSE))
}

# Average effects by brute force: predict on changed rows; columns are outcomes of `predicted`.
effects <- function(x, at, parameters, w, predicted) {
  variable <- key(colnames(x)[at])[1]
  if (variable %in% numeric) {
    up <- down <- x
    up[, at] <- x[, at] + 1e-5
    down[, at] <- x[, at] - 1e-5
    change <- (predicted(up, parameters) - predicted(down, parameters)) / 2e-5
  } else {
    own <- vapply(colnames(x), function(n) key(n)[1] == variable, NA)
    base <- level <- x
    base[, own] <- level[, own] <- 0
    level[, at] <- 1
    change <- predicted(level, parameters) - predicted(base, parameters)
  }
  colSums(change * w) / sum(w)
}
jacobian <- function(f, at) {
  vapply(seq_along(at), function(i) {
    step <- replace(numeric(length(at)), i, 1e-4)
    (f(at + step) - f(at - step)) / 2e-4
  }, f(at))
}

for (weighted in c(TRUE, FALSE)) for (issue in c("all", issues)) for (form in names(forms)) {
  if (!weighted && issue != "all") next
  rows <- complete(form, issue, weighted)
  people <- length(unique(rows$respondent))
  band <- bands(rows[[form]])
  weights <- if (weighted) "weighted" else "unweighted"
  model <- ordered(band, issue, rows)
  covariance <- vcovCL(model, cluster = rows$respondent, type = "HC1")
  mine <- clustered(list(model), rows)
  stopifnot(max(abs(mine - covariance)) < 1e-12)
  value <- c(coef(model), model$zeta)
  for (name in names(value)) {
    keys <- c(weights, issue, form, key(name))
    keep("fit_bands", keys, "estimate", value[[name]])
    keep_test("fit_bands", keys, value[[name]], sqrt(covariance[name, name]), people)
    keep("fit_bands", keys, "n", nrow(rows))
    keep("fit_bands", keys, "clusters", people)
    if (!weighted) keep("hessian", keys, "standard_error", sqrt(vcov(model)[name, name]))
    if (!name %in% names(coef(model))) next
    keep("odds", keys, "odds_ratio", exp(value[[name]]))
    keep("odds", keys, "odds_ratio_high",
         exp(value[[name]] + qt(0.975, people - 1) * sqrt(covariance[name, name])))
  }

  # fractional logit
  rows$share <- rows[[form]] / 100
  fractional <- glm(reformulate(right(issue), "share"), quasibinomial, rows, weights = weight,
                    control = glm.control(epsilon = 1e-14, maxit = 100))
  robust <- vcovCL(fractional, cluster = rows$respondent, type = "HC1")
  x <- model.matrix(fractional)
  predicted <- function(x, b) 100 * plogis(x %*% b)
  for (at in 2:ncol(x)) {
    keys <- c(weights, issue, form, key(colnames(x)[at]))
    keep("fit_fractional", keys, "coefficient", coef(fractional)[[at]])
    keep("fit_fractional", keys, "coefficient_standard_error", sqrt(robust[at, at]))
    if (!weighted) next
    f <- function(b) effects(x, at, b, rows$weight, predicted)
    gradient <- jacobian(f, coef(fractional))
    estimate <- f(coef(fractional))
    keep("fractional_effects", keys, "estimate", estimate)
    keep_test("fractional_effects", keys, estimate, sqrt(drop(gradient %*% robust %*% gradient)),
              people)
  }
  if (!weighted) next

  # survey: its errors lack (n-1)/(n-k)
  design <- svydesign(ids = ~respondent, weights = ~weight, data = cbind(rows, band = band))
  survey <- svyolr(reformulate(right(issue), "band"), design, control = tight)
  k <- length(value)
  for (name in names(coef(survey))) {
    keys <- c(issue, form, key(name))
    keep("svyolr", keys, "estimate", coef(survey)[[name]])
    keep("svyolr", keys, "standard_error",
         SE(survey)[[name]] * sqrt((nrow(rows) - 1) / (nrow(rows) - k)))
  }
  if (!issue %in% c("all", "safety")) next

  # marginal effects
  x <- model.matrix(model)[, -1]
  predicted <- function(x, b) {
    eta <- drop(x %*% b[seq_len(ncol(x))])
    below <- plogis(outer(-eta, b[-seq_len(ncol(x))], "+"))
    cbind(below[, 1], below[, 2] - below[, 1], 1 - below[, 2])
  }
  for (at in seq_len(ncol(x))) {
    f <- function(b) effects(x, at, b, rows$weight, predicted)
    gradient <- jacobian(f, value)
    estimate <- f(value)
    for (band_at in 1:3) {
      keys <- c(issue, form, key(colnames(x)[at]), levels(band)[band_at])
      keep("marginal_effects", keys, "estimate", estimate[band_at])
      error <- sqrt(drop(gradient[band_at, ] %*% covariance %*% gradient[band_at, ]))
      keep_test("marginal_effects", keys, estimate[band_at], error, people)
    }
  }

  # proportional odds: a binary logit at each cut
  cuts <- lapply(list(band != "none", band == "much"), function(above) {
    rows$above <- as.numeric(above)
    glm(reformulate(right(issue), "above"), quasibinomial, rows, weights = weight,
        control = glm.control(epsilon = 1e-14, maxit = 100))
  })
  joint <- clustered(cuts, rows)
  k <- length(coef(cuts[[1]]))
  difference <- coef(cuts[[1]]) - coef(cuts[[2]])
  one <- seq_len(k)
  covariance <- joint[one, one] + joint[k + one, k + one] - joint[one, k + one] - joint[k + one, one]
  own <- vapply(names(difference), function(n) key(n)[1], "")
  for (variable in c(unique(own[-1]), "all")) {
    at <- which(if (variable == "all") own != "intercept" else own == variable)
    keys <- c(issue, form, variable)
    keep_wald("proportional_odds", keys, difference[at], covariance[at, at], people)
    if (length(at) == 1) {
      keep("cuts", keys, "cut_1", coef(cuts[[1]])[[at]])
      keep("cuts", keys, "cut_2", coef(cuts[[2]])[[at]])
    }
  }
}

# both forms on the latent scale: every step of an index a level
for (issue in c("all", issues)) {
  rows <- complete(names(forms), issue)
  people <- length(unique(rows$respondent))
  models <- lapply(names(forms), function(form) {
    ordered(factor(round(rows[[form]] / 100 * 8)), issue, rows)
  })
  joint <- clustered(models, rows)
  units <- vapply(models, function(m) {
    eta <- drop(model.matrix(m)[, -1] %*% coef(m))
    sqrt(weighted.mean((eta - weighted.mean(eta, rows$weight))^2, rows$weight) + pi^2 / 3)
  }, 0)
  slopes <- names(coef(models[[1]]))
  tested <- slopes[vapply(slopes, function(n) key(n)[1] %in% correlates, NA)]
  first <- match(tested, slopes)
  second <- length(c(coef(models[[1]]), models[[1]]$zeta)) + first
  collective <- coef(models[[2]])[tested] / units[2]
  difference <- coef(models[[1]])[tested] / units[1] - collective
  covariance <- joint[first, first] / units[1]^2 + joint[second, second] / units[2]^2 -
    (joint[first, second] + joint[second, first]) / prod(units)
  p <- 2 * pt(-abs(difference / sqrt(diag(covariance))), people - 1)
  own <- vapply(tested, function(n) key(n)[1], "")
  for (at in seq_along(tested)) {
    keys <- c("latent", issue, key(tested[at]))
    keep("compare_forms", keys, "collective", collective[at])
    keep("compare_forms", keys, "difference", difference[at])
    keep_test("compare_forms", keys, difference[at], sqrt(covariance[at, at]), people)
    keep("compare_forms", keys, "p_holm", p.adjust(p, "holm")[at])
  }
  for (block in c(names(blocks), "all")) {
    at <- which(own %in% (if (block == "all") correlates else blocks[[block]]))
    keep_wald("compare_blocks", c("latent", issue, block), difference[at], covariance[at, at],
              people)
  }
}

# A real study: the ordered probit on pscl's help page of these data.
data(politicalInformation, package = "pscl")
political <- polr(y ~ collegeDegree + female + log(age) + homeOwn + govt + log(length),
                  politicalInformation, Hess = TRUE, method = "probit", control = tight)
value <- c(coef(political), political$zeta)
for (name in names(value)) {
  keep("political", name, "estimate", value[[name]])
  keep("political", name, "standard_error", sqrt(vcov(political)[name, name]))
}
keep("political", "rows", "n", political$n)

write_reference("ordered", c("MASS", "survey", "sandwich", "pscl"))
