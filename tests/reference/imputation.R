# Multiple imputation by mice, 200 imputations: what tests/test_imputation.py reads. Takes about
# half an hour. Numbers, ordered and two-level categories by predictive mean matching, employment
# by multinomial logit; the predictors of a variable are chosen as coprod.imputation chooses them.

suppressPackageStartupMessages({
  library(mice)
  library(sandwich)
})
source("tests/reference/common.R")

imputations <- 200
asked <- unlist(lapply(issues, function(issue) {
  c(paste(issue, perceptions, sep = "_"), unlist(lapply(names(forms), items, issue = issue)))
}))
data <- wide[c("area", "weight", background, asked)]
for (name in setdiff(names(factors), "issue")) data[[name]] <- factor(data[[name]], factors[[name]])

# At most 30 predictors: those most correlated with a variable or with its being missing.
always <- c("area", "weight", "age", "gender")
columns <- list()
for (name in names(data)) {
  x <- data[[name]]
  if (is.factor(x) && nlevels(x) > 2) {
    for (level in levels(x)) columns[[paste(name, level)]] <- as.numeric(x == level)
  } else {
    columns[[name]] <- as.numeric(x)
  }
}
owner <- sub(" .*", "", names(columns))
columns <- do.call(cbind, columns)
strength <- abs(suppressWarnings(cor(columns, use = "pairwise.complete.obs")))
absent <- abs(suppressWarnings(cor(is.na(data), columns, use = "pairwise.complete.obs")))
predictors <- matrix(0, ncol(data), ncol(data), dimnames = list(names(data), names(data)))
for (target in names(data)[colSums(is.na(data)) > 0]) {
  others <- setdiff(names(data), target)
  score <- vapply(others, function(other) {
    max(strength[owner == target, owner == other], absent[target, owner == other], na.rm = TRUE)
  }, 0)
  score[always] <- Inf
  predictors[target, others[order(-score)[1:30]]] <- 1
}

method <- make.method(data, defaultMethod = c("pmm", "pmm", "polyreg", "pmm"))
method["education"] <- "pmm"
imputed <- mice(data, m = imputations, maxit = 5, method = method, predictorMatrix = predictors,
                seed = 20160201, printFlag = FALSE)

right <- c("area", "issue", correlates)
fits <- list()
for (number in seq_len(imputations)) {
  filled <- complete(imputed, number)
  filled$respondent <- wide$respondent
  long <- long_view(filled)
  stopifnot(!anyNA(long))
  long <- standardised(long)
  for (form in names(forms)) {
    model <- lm(reformulate(right, form), long, weights = weight)
    errors <- diag(vcovCL(model, cluster = ~respondent, type = "HC1"))
    fits[[form]]$value <- rbind(fits[[form]]$value, coef(model))
    fits[[form]]$variance <- rbind(fits[[form]]$variance, errors)
  }
}

for (form in names(forms)) for (name in colnames(fits[[form]]$value)) {
  values <- fits[[form]]$value[, name]
  variances <- fits[[form]]$variance[, name]
  pooled <- pool.scalar(values, variances, n = nrow(wide), k = 1)
  keys <- c(form, key(name))
  keep("compare_imputed", keys, "estimate", pooled$qbar)
  keep("compare_imputed", keys, "between", pooled$b)
  keep("compare_imputed", keys, "standard_error", sqrt(pooled$t))
  keep("compare_imputed", keys, "df", pooled$df)
  keep("compare_imputed", keys, "fraction_missing", pooled$fmi)
  if (name != "efficacy") next
  # the first ten of them, number by number, so that Rubin's rules can be checked to the digit
  ten <- pool.scalar(values[1:10], variances[1:10], n = nrow(wide), k = 1)
  for (number in 1:10) {
    keep("ten", c(form, number), "value", values[number])
    keep("ten", c(form, number), "variance", variances[number])
  }
  found <- c(estimate = ten$qbar, within = ten$ubar, between = ten$b,
             standard_error = sqrt(ten$t), df = ten$df, fraction_missing = ten$fmi,
             relative_increase = ten$r)
  for (statistic in names(found)) keep("combine", form, statistic, found[[statistic]])
}
write_reference("imputation", c("mice", "sandwich"))
