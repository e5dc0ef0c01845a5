# Regressions by R's lm, sandwich and clubSandwich: what tests/test_correlates.py and
# tests/test_blocks.py read.

suppressPackageStartupMessages({
  library(sandwich)
  library(clubSandwich)
})
source("tests/reference/common.R")

long <- long_view(wide)

# Complete rows of some outcomes, numbers standardised over them.
complete <- function(outcomes, issue, weighted) {
  rows <- long[issue == "all" | long$issue == issue, ]
  rows <- rows[complete.cases(rows[c(outcomes, correlates)]), ]
  if (!weighted) rows$weight <- 1
  standardised(rows)
}

right <- function(issue, upto = 4) {
  c("area", if (issue == "all") "issue", unlist(blocks[seq_len(upto)], use.names = FALSE))
}

for (weighted in c(TRUE, FALSE)) for (issue in c("all", issues)) for (form in names(forms)) {
  rows <- complete(form, issue, weighted)
  people <- length(unique(rows$respondent))
  model <- lm(reformulate(right(issue), form), rows, weights = weight)
  covariance <- vcovCL(model, cluster = ~respondent, type = "HC1")
  sd <- spread(rows[[form]], rows$weight)
  for (name in names(coef(model))) {
    estimate <- coef(model)[[name]]
    error <- sqrt(covariance[name, name])
    half <- qt(0.975, people - 1) * error
    values <- list(
      estimate = estimate, standard_error = error, low = estimate - half, high = estimate + half,
      statistic = estimate / error, p = 2 * pt(-abs(estimate / error), people - 1),
      estimate_sd = estimate / sd, high_sd = (estimate + half) / sd, n = nrow(rows),
      clusters = people
    )
    if (!weighted) values <- values[c("estimate", "standard_error")]
    keys <- c(if (weighted) "weighted" else "unweighted", issue, form, key(name))
    for (statistic in names(values)) keep("fit", keys, statistic, values[[statistic]])
  }
  if (!weighted) next

  # blocks: raw R2 and the Wald test of each, entered in order and last
  whole <- summary(model)
  cr <- vcovCR(model, cluster = rows$respondent, type = "CR1S")
  stopifnot(max(abs(cr - covariance)) < 1e-9)
  before <- summary(lm(reformulate(right(issue, 0), form), rows, weights = weight))$r.squared
  for (number in seq_along(blocks)) {
    keys <- c(issue, form, names(blocks)[number])
    entered <- lm(reformulate(right(issue, number), form), rows, weights = weight)
    keep("blocks", keys, "ordered_raw", summary(entered)$r.squared - before)
    before <- summary(entered)$r.squared
    others <- lm(reformulate(setdiff(right(issue), blocks[[number]]), form), rows, weights = weight)
    keep("blocks", keys, "last_raw", whole$r.squared - summary(others)$r.squared)
    keep("blocks", keys, "r2_raw", whole$r.squared)
    keep("blocks", keys, "r2_adjusted", whole$adj.r.squared)
    for (last in c(FALSE, TRUE)) {
      tested <- if (last) model else entered
      at <- which(vapply(names(coef(tested)), function(name) {
        key(name)[1] %in% blocks[[number]]
      }, NA))
      robust <- vcovCR(tested, cluster = rows$respondent, type = "CR1S")
      test <- Wald_test(tested, constrain_zero(at), robust, test = "Naive-F")
      start <- if (last) "last_" else ""
      keep("blocks", keys, paste0(start, "statistic"), test$Fstat)
      keep("blocks", keys, paste0(start, "df"), length(at))
      keep("blocks", keys, paste0(start, "df_residual"), test$df_denom)
      keep("blocks", keys, paste0(start, "p"), test$p_val)
    }
  }

  # adjusted predictions over efficacy at the weighted means
  if (issue == "all") next
  at <- colSums(model.matrix(model) * rows$weight) / sum(rows$weight)
  for (answer in 1:5) {
    at["efficacy"] <- (answer - attr(rows, "scale")$efficacy[1]) / attr(rows, "scale")$efficacy[2]
    value <- sum(at * coef(model))
    error <- sqrt(drop(at %*% covariance %*% at))
    keys <- c(issue, form, answer)
    keep("predict_over", keys, "prediction", value)
    keep("predict_over", keys, "standard_error", error)
    keep("predict_over", keys, "low", value - qt(0.975, people - 1) * error)
    keep("predict_over", keys, "high", value + qt(0.975, people - 1) * error)
  }
}

# both forms stacked, everything interacted
for (scale in c("points", "sd")) for (issue in c("all", issues)) {
  rows <- complete(names(forms), issue, TRUE)
  people <- length(unique(rows$respondent))
  stacked <- do.call(rbind, lapply(names(forms), function(form) {
    unit <- if (scale == "sd") spread(rows[[form]], rows$weight) else 1
    data.frame(rows[c("respondent", "weight", right(issue))], form = form, y = rows[[form]] / unit)
  }))
  stacked$form <- factor(stacked$form, c("collective", "individual"))
  formula <- as.formula(paste("y ~ form * (", paste(right(issue), collapse = " + "), ")"))
  model <- lm(formula, stacked, weights = weight)
  covariance <- vcovCL(model, cluster = ~respondent, type = "HC1")
  names <- grep("^formindividual:", names(coef(model)), value = TRUE)
  own <- vapply(names, function(name) key(sub("^formindividual:", "", name))[1], "")
  tested <- names[own %in% unlist(blocks)]
  p <- 2 * pt(-abs(coef(model)[tested] / sqrt(diag(covariance)[tested])), people - 1)
  for (name in tested) {
    keys <- c(scale, issue, key(sub("^formindividual:", "", name)))
    error <- sqrt(covariance[name, name])
    difference <- coef(model)[[name]]
    keep("compare_forms", keys, "difference", difference)
    keep("compare_forms", keys, "collective", coef(model)[[sub("^formindividual:", "", name)]])
    keep("compare_forms", keys, "standard_error", error)
    keep("compare_forms", keys, "low", difference - qt(0.975, people - 1) * error)
    keep("compare_forms", keys, "high", difference + qt(0.975, people - 1) * error)
    keep("compare_forms", keys, "p", p[[name]])
    keep("compare_forms", keys, "p_holm", p.adjust(p, "holm")[[name]])
    keep("compare_forms", keys, "p_bh", p.adjust(p, "BH")[[name]])
  }
  robust <- vcovCR(model, cluster = stacked$respondent, type = "CR1S")
  for (block in c(names(blocks), "all")) {
    variables <- if (block == "all") unlist(blocks) else blocks[[block]]
    at <- match(names[own %in% variables], names(coef(model)))
    test <- Wald_test(model, constrain_zero(at), robust, test = "Naive-F")
    keep("compare_blocks", c(scale, issue, block), "statistic", test$Fstat)
    keep("compare_blocks", c(scale, issue, block), "df", length(at))
    keep("compare_blocks", c(scale, issue, block), "df_residual", test$df_denom)
    keep("compare_blocks", c(scale, issue, block), "p", test$p_val)
  }
}

write_reference("correlates", c("sandwich", "clubSandwich"))
