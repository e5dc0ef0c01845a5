# Levels and forms by R's survey package: what tests/test_levels.py and tests/test_forms.py read.

suppressPackageStartupMessages(library(survey))
source("tests/reference/common.R")

wide$age_band <- cut(wide$age, c(18, 30, 45, 60, 75, Inf), right = FALSE,
                     labels = c("18-29", "30-44", "45-59", "60-74", "75+"))
wide$years_band <- cut(wide$years, c(0, 5, 10, 20, Inf), right = FALSE,
                       labels = c("0-4", "5-9", "10-19", "20+"))
background <- list(
  age = levels(wide$age_band), gender = c("man", "woman"),
  education = c("no_qualifications", "school", "college", "degree"),
  employment = c("full_time", "part_time", "unemployed", "retired", "other"),
  tenure = c("rents", "owns"), disability = c("no", "yes"), children = c("no", "yes"),
  minority = c("no", "yes"), years = levels(wide$years_band)
)

long <- do.call(rbind, lapply(issues, function(issue) {
  data.frame(
    wide[setdiff(names(wide), grep("^(safety|environment|health)_", names(wide), value = TRUE))],
    issue = issue,
    individual = index(wide[items(issue, "individual")]),
    collective = index(wide[items(issue, "collective")])
  )
}))
long$age <- long$age_band
long$years <- long$years_band
long$all <- "all"
for (name in names(background)) long[[name]] <- factor(long[[name]], background[[name]])
long$difference <- long$individual - long$collective
long$both <- !is.na(long$difference)
for (form in names(forms)) long[[paste0(form, "_zero")]] <- as.numeric(long[[form]] == 0)
long$group <- with(long, ifelse(!both, NA, ifelse(
  individual > 0, ifelse(collective > 0, "both", "individual only"),
  ifelse(collective > 0, "collective only", "neither"))))
long$third <- as.character(cut(long$individual, c(-Inf, 0, 100 / 3, 200 / 3, Inf),
                               labels = c("none", "low", "middle", "high")))
long$any <- as.numeric(long$collective > 0)

people <- svydesign(ids = ~respondent, strata = ~area, weights = ~weight, data = wide)
rows <- svydesign(ids = ~respondent, strata = ~area, weights = ~weight, data = long)

wald <- function(table, keys, name, value, error, df, ends = c("low", "high")) {
  keep(table, keys, name, value)
  keep(table, keys, ends[1], value - qt(0.975, df) * error)
  keep(table, keys, ends[2], value + qt(0.975, df) * error)
}

# svyciprop(method = "logit") fits a model until it moves by less than 1e-8; this is its fixed point.
share <- function(table, keys, name, p, error, df, ends = c("low", "high")) {
  half <- qt(0.975, df) * error / (p * (1 - p))
  keep(table, keys, name, p)
  keep(table, keys, ends[1], plogis(qlogis(p) - half))
  keep(table, keys, ends[2], plogis(qlogis(p) + half))
}

# shares
for (issue in issues) for (form in names(forms)) for (number in 1:4) {
  item <- items(issue, form)[number]
  answered <- subset(people, !is.na(wide[[item]]))
  mean <- svymean(as.formula(paste0("~factor(", item, ", 0:2)")), people, na.rm = TRUE)
  for (answer in 0:2) {
    keys <- c(issue, form, paste(forms[[form]], number, sep = "_"), answer)
    share("shares", keys, "share", coef(mean)[answer + 1], SE(mean)[answer + 1], degf(answered))
    keep("shares", keys, "standard_error", SE(mean)[answer + 1])
    keep("shares", keys, "n", sum(!is.na(wide[[item]])))
    ready <- svyciprop(as.formula(paste0("~I(", item, " == ", answer, ")")), answered, "logit")
    keep("svyciprop", keys, "low", confint(ready)[1])
    keep("svyciprop", keys, "high", confint(ready)[2])
  }
}

# means and gaps: by issue, by area, by both, and pooled
for (by in list("issue", "area", c("issue", "area"), "all")) {
  cells <- unique(long[by])
  for (cell in seq_len(nrow(cells))) {
    chosen <- Reduce(`&`, lapply(by, function(name) long[[name]] == cells[cell, name]))
    keys <- unlist(cells[cell, , drop = FALSE])
    for (form in names(forms)) {
      domain <- subset(rows, chosen & !is.na(long[[form]]))
      mean <- svymean(as.formula(paste0("~", form)), domain)
      wald("means", c(form, keys), "mean", coef(mean), SE(mean), degf(domain))
      keep("means", c(form, keys), "standard_error", SE(mean))
      zero <- svymean(as.formula(paste0("~", form, "_zero")), domain)
      share("means", c(form, keys), "zero", coef(zero), SE(zero), degf(domain),
            c("zero_low", "zero_high"))
      keep("means", c(form, keys), "zero_standard_error", SE(zero))
      keep("means", c(form, keys), "n",
           length(unique(long$respondent[chosen & !is.na(long[[form]])])))
    }
    domain <- subset(rows, chosen & both)
    moments <- svymean(~ difference + I(difference^2) + individual + collective, domain)
    names(moments)[1:2] <- c("d", "dd")
    dimnames(attr(moments, "var")) <- list(names(moments), names(moments))
    wald("gaps", keys, "gap", coef(moments)[1], SE(moments)[1], degf(domain))
    keep("gaps", keys, "standard_error", SE(moments)[1])
    keep("gaps", keys, "individual", coef(moments)[3])
    keep("gaps", keys, "collective", coef(moments)[4])
    standardised <- svycontrast(moments, quote(d / sqrt(dd - d^2)))
    wald("gaps", keys, "standardised", coef(standardised), SE(standardised), degf(domain),
         c("standardised_low", "standardised_high"))
    keep("gaps", keys, "standardised_error", SE(standardised))
  }
}

# background
tests <- differences <- list()
for (name in names(background)) for (form in names(forms)) {
  known <- subset(rows, !is.na(long[[name]]) & !is.na(long[[form]]))
  model <- svyglm(as.formula(paste(form, "~", name)), known)
  bounds <- confint(model, ddf = model$df.residual)
  found <- summary(model)$coefficients
  for (level in background[[name]]) {
    keys <- c(name, form, level)
    domain <- subset(known, long[[name]][!is.na(long[[name]]) & !is.na(long[[form]])] == level)
    mean <- svymean(as.formula(paste0("~", form)), domain)
    wald("by_background", keys, "mean", coef(mean), SE(mean), degf(domain),
         c("mean_low", "mean_high"))
    if (level == background[[name]][1]) next
    coefficient <- paste0(name, level)
    keep("by_background", keys, "difference", found[coefficient, 1])
    keep("by_background", keys, "standard_error", found[coefficient, 2])
    keep("by_background", keys, "low", bounds[coefficient, 1])
    keep("by_background", keys, "high", bounds[coefficient, 2])
    keep("by_background", keys, "p", found[coefficient, 4])
    differences[[paste(keys, collapse = "/")]] <- found[coefficient, 4]
  }
  test <- regTermTest(model, as.formula(paste("~", name)))
  keep("background_tests", c(name, form), "statistic", test$Ftest)
  keep("background_tests", c(name, form), "df", test$df)
  keep("background_tests", c(name, form), "df_residual", test$ddf)
  keep("background_tests", c(name, form), "p", test$p)
  tests[[paste(name, form, sep = "/")]] <- as.numeric(test$p)
}
for (family in c("by_background", "background_tests")) {
  p <- unlist(if (family == "by_background") differences else tests)
  adjusted <- p.adjust(p, "holm")
  for (key in names(adjusted)) keep(family, key, "p_holm", adjusted[[key]])
}

# correlations: the weighted value by cov.wt, the error by R's own derivatives of the moments
for (issue in c(issues, "all")) {
  chosen <- long$both & (issue == "all" | long$issue == issue)
  pair <- long[chosen, c("individual", "collective")]
  value <- cov.wt(pair, long$weight[chosen] / sum(long$weight[chosen]), cor = TRUE)$cor[1, 2]
  domain <- subset(rows, chosen)
  domain$variables$x <- (pair$individual - mean(pair$individual)) / sd(pair$individual)
  domain$variables$y <- (pair$collective - mean(pair$collective)) / sd(pair$collective)
  moments <- svymean(~ x + y + I(x^2) + I(y^2) + I(x * y), domain)
  names(moments) <- c("x", "y", "xx", "yy", "xy")
  dimnames(attr(moments, "var")) <- list(names(moments), names(moments))
  r <- svycontrast(moments, quote((xy - x * y) / sqrt((xx - x^2) * (yy - y^2))))
  z <- svycontrast(moments, quote(
    0.5 * log((sqrt((xx - x^2) * (yy - y^2)) + xy - x * y) /
                (sqrt((xx - x^2) * (yy - y^2)) - xy + x * y))))
  keep("correlations", issue, "correlation", value)
  keep("correlations", issue, "standard_error", SE(r))
  keep("correlations", issue, "low", tanh(coef(z) - qt(0.975, degf(domain)) * SE(z)))
  keep("correlations", issue, "high", tanh(coef(z) + qt(0.975, degf(domain)) * SE(z)))
  keep("correlations", issue, "n", length(unique(long$respondent[chosen])))
}

# overlap and profiles
for (issue in issues) {
  chosen <- long$both & long$issue == issue  # outside subset(), where `issue` is the column
  domain <- subset(rows, chosen)
  groups <- c("neither", "individual only", "collective only", "both")
  mean <- svymean(~ factor(group, groups), domain)
  for (number in seq_along(groups)) {
    keys <- c(issue, groups[number])
    share("overlap", keys, "share", coef(mean)[number], SE(mean)[number], degf(domain))
    keep("overlap", keys, "standard_error", SE(mean)[number])
  }
  for (group in c("none", "low", "middle", "high")) {
    members <- chosen & long$third == group
    domain <- subset(rows, members)
    mean <- svymean(~ collective + any, domain)
    keys <- c(issue, group)
    wald("profiles", keys, "mean", coef(mean)[1], SE(mean)[1], degf(domain))
    keep("profiles", keys, "standard_error", SE(mean)[1])
    share("profiles", keys, "any", coef(mean)[2], SE(mean)[2], degf(domain),
          c("any_low", "any_high"))
    keep("profiles", keys, "any_standard_error", SE(mean)[2])
    keep("profiles", keys, "n", sum(members, na.rm = TRUE))
  }
}

write_reference("levels", "survey")
