# The experiment by estimatr and coin, and two real experiments: what tests/test_nudges.py and
# tests/test_randomisation.py read. `social_insure` is not in Debian's R: its first argument is a
# CSV of it, as tests/reference/README.md says.

suppressPackageStartupMessages({
  library(estimatr)
  library(coin)
  library(sandwich)
  library(pscl)
})
source("tests/reference/common.R")

arms <- c("control", "norm", "efficacy", "invitation")
nudges <- arms[-1]
categories <- factors[setdiff(names(factors), c("area", "issue"))]
for (name in names(categories)) wide[[name]] <- factor(wide[[name]], categories[[name]])
wide$area <- factor(wide$area)

columns <- function(name) {
  if (!is.factor(wide[[name]])) return(wide[name])
  levels <- categories[[name]]
  found <- sapply(levels, function(l) as.numeric(wide[[name]] == l))
  colnames(found) <- paste(name, levels, sep = "_")
  as.data.frame(found)
}

# What everybody had before: every category's levels but the first, numbers as they are.
before <- do.call(cbind, lapply(c("intends", background), function(name) {
  found <- columns(name)
  if (ncol(found) > 1) found[-1] else found
}))

rows_of <- function(arm) wide$arm == "control" | arm == "pooled" | wide$arm == arm

keep_fit <- function(table, keys, model, term, more = list()) {
  inference <- c(
    estimate = coef(model)[[term]], standard_error = model$std.error[[term]],
    low = model$conf.low[[term]], high = model$conf.high[[term]],
    statistic = model$statistic[[term]], df = model$df[[term]], p = model$p.value[[term]]
  )
  for (name in names(inference)) keep(table, keys, name, inference[[name]])
  for (name in names(more)) keep(table, keys, name, more[[name]])
}

p <- list()
for (weights in c("unweighted", "weighted")) for (outcome in c("willing", "signup")) {
  for (arm in c(nudges, "pooled")) {
    inside <- rows_of(arm) & !is.na(wide[[outcome]])
    data <- cbind(wide[inside, c("area", "arm", "weight")], y = wide[inside, outcome], before[inside, ])
    if (weights == "unweighted") data$weight <- 1
    data$z <- as.numeric(data$arm != "control")
    # A gap takes the mean of those who are compared.
    for (name in names(before)) {
      gap <- is.na(data[[name]])
      data[gap, name] <- weighted.mean(data[!gap, name], data$weight[!gap])
    }
    control <- data$z == 0
    sd <- spread(data$y[control], data$weight[control])
    strata <- lm_robust(y ~ z + area, data, weights = weight, se_type = "HC2")
    lin <- lm_lin(y ~ z, reformulate(c("area", names(before))), data, weights = weight,
                  se_type = "HC2")
    models <- list(strata = strata, lin = lin)
    for (adjustment in names(models)) {
      model <- models[[adjustment]]
      keys <- c(weights, adjustment, outcome, arm)
      keep_fit("effects", keys, model, "z", list(
        estimate_sd = coef(model)[["z"]] / sd, high_sd = model$conf.high[["z"]] / sd,
        control_mean = weighted.mean(data$y[control], data$weight[control]), control_sd = sd,
        n = nrow(data), n_control = sum(control)
      ))
      p[[paste(keys, collapse = "/")]] <- model$p.value[["z"]]
    }
  }
}
for (weights in c("unweighted", "weighted")) for (adjustment in c("strata", "lin")) {
  for (family in list(nudges, "pooled")) {
    names <- as.vector(outer(c("willing", "signup"), family, function(o, a) {
      paste(weights, adjustment, o, a, sep = "/")
    }))
    adjusted <- p.adjust(unlist(p[names]), "holm")
    for (i in seq_along(names)) keep("effects", names[i], "p_holm", adjusted[[i]])
  }
}

# Interactions.
indices <- sapply(issues, function(issue) index(wide[items(issue, "collective")]))
activity <- rowMeans(indices, na.rm = TRUE)
activity[is.nan(activity)] <- NA
asked <- as.matrix(wide[paste(issues, "efficacy", sep = "_")])
efficacy <- asked[cbind(seq_len(nrow(wide)), match(wide$nudge_issue, issues))]
for (weighted in c(FALSE, TRUE)) for (moderator in c("efficacy", "activity")) {
  w <- if (weighted) wide$weight else rep(1, nrow(wide))
  m <- get(moderator)
  some <- !is.na(m)
  m <- (m - weighted.mean(m[some], w[some])) / spread(m[some], w[some])
  for (outcome in c("willing", "signup")) for (arm in c(nudges, "pooled")) {
    inside <- rows_of(arm) & !is.na(wide[[outcome]]) & some
    data <- data.frame(y = wide[inside, outcome], z = as.numeric(wide$arm[inside] != "control"),
                       m = m[inside], area = wide$area[inside], w = w[inside])
    for (contrast in c("difference", "low", "high")) {
      shift <- c(difference = 0, low = -1, high = 1)[[contrast]]
      data$moved <- data$m - shift
      model <- lm_robust(y ~ z * moved + area, data, weights = w, se_type = "HC2")
      term <- if (contrast == "difference") "z:moved" else "z"
      keep_fit("heterogeneity", c(weighted, moderator, outcome, arm, contrast), model, term)
    }
  }
}

# Balance, and one test of it.
for (arm in c(nudges, "pooled")) for (name in c("intends", background)) {
  every <- columns(name)
  if (ncol(every) == 2) every <- every[2]
  for (column in names(every)) {
    x <- every[[column]]
    inside <- rows_of(arm) & !is.na(x)
    z <- as.numeric(wide$arm != "control")
    level <- if (is.factor(wide[[name]])) substring(column, nchar(name) + 2) else ""
    keys <- c(arm, name, level)
    difference <- coef(lm(x ~ z + area, cbind(wide, x = x, z = z), subset = inside))[["z"]]
    treated <- x[inside & z == 1]
    control <- x[inside & z == 0]
    keep("balance", keys, "mean_arm", mean(treated))
    keep("balance", keys, "mean_control", mean(control))
    keep("balance", keys, "difference", difference)
    keep("balance", keys, "standardised", difference / sqrt((var(treated) + var(control)) / 2))
    keep("balance", keys, "n", sum(inside))
  }
}
filled <- before
for (name in names(before)) for (area in levels(wide$area)) {
  here <- wide$area == area
  gap <- here & is.na(filled[[name]])
  filled[gap, name] <- mean(filled[here & !gap, name])
}
filled$arm <- factor(wide$arm, arms)
filled$area <- wide$area
test <- independence_test(
  as.formula(paste(paste(names(before), collapse = " + "), "~ arm | area")), filled,
  teststat = "quadratic"
)
keep("balance_test", "all", "statistic", statistic(test))
keep("balance_test", "all", "df", test@statistic@df)
keep("balance_test", "all", "p_asymptotic", pvalue(test))

# Exact randomisation tests of two small areas, of all 10 x 35 = 350 assignments.
small <- data.frame(
  area = factor(rep(c("A", "B"), c(5, 7))),
  z = c(1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0),
  continuous = c(7.1, 5.2, 6.4, 4.9, 5.9, 8.8, 5.5, 9.1, 6.4, 7.3, 7.9, 6.6),
  tied = c(1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0)
)
assigned <- as.matrix(expand.grid(seq_len(choose(5, 2)), seq_len(choose(7, 3))))
first <- combn(5, 2)
second <- combn(7, 3) + 5
difference <- function(z, y) coef(lm(y ~ z + small$area))[["z"]]
for (outcome in c("continuous", "tied")) {
  all <- apply(assigned, 1, function(i) {
    z <- numeric(12)
    z[c(first[, i[1]], second[, i[2]])] <- 1
    difference(z, small[[outcome]])
  })
  observed <- difference(small$z, small[[outcome]])
  keep("exact", outcome, "estimate", observed)
  keep("exact", outcome, "p", mean(abs(all) >= abs(observed) - 1e-9))
}

# Rock the Vote (Green and Vavreck 2008): 85 cable systems, the units that were assigned.
data("RockTheVote")
RockTheVote$turnout <- RockTheVote$r / RockTheVote$n
RockTheVote$strata <- factor(RockTheVote$strata)
for (weighted in c(FALSE, TRUE)) {
  RockTheVote$w <- if (weighted) RockTheVote$n else 1
  model <- lm_robust(turnout ~ treated + strata, RockTheVote, weights = w, se_type = "HC2")
  keep_fit("RockTheVote", weighted, model, "treated", list(n = nrow(RockTheVote)))
}

# A default option among farmers: never varies within an address; villages are the strata.
argument <- commandArgs(trailingOnly = TRUE)
if (!length(argument)) stop("name a CSV of social_insure: see tests/reference/README.md")
social <- read.csv(argument[1])
model <- lm_robust(takeup_survey ~ default + factor(village), social, clusters = address,
                   se_type = "stata")
again <- vcovCL(lm(takeup_survey ~ default + factor(village), social), ~address, type = "HC1")
stopifnot(abs(sqrt(again["default", "default"]) - model$std.error[["default"]]) < 1e-10)
keep_fit("social_insure", "default", model, "default",
         list(n = nrow(social), clusters = length(unique(social$address)),
              strata = length(unique(social$village))))

write_reference("nudges", c("estimatr", "coin", "sandwich", "pscl"))
