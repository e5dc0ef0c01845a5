# Measurement by psych and polycor: what tests/test_scales.py and tests/test_polychoric.py read.

suppressPackageStartupMessages({
  library(psych)
  library(polycor)
  library(GPArotation)
})
source("tests/reference/common.R")

for (issue in issues) {
  for (form in names(forms)) {
    keys <- c(issue, form)
    complete <- na.omit(wide[items(issue, form)])
    keep("reliability", keys, "n", nrow(complete))
    keep("reliability", keys, "alpha", suppressWarnings(alpha(complete))$total$raw_alpha)
    correlations <- cor(complete)
    one <- fa(correlations, nfactors = 1, fm = "minres")
    loadings <- as.numeric(one$loadings) * sign(sum(one$loadings))
    for (number in 1:4) {
      keep("one_factor", c(keys, paste(forms[[form]], number, sep = "_")), "loading",
           loadings[number])
    }
    deviations <- sapply(complete, sd)
    common <- sum(deviations * loadings)^2
    keep("reliability", keys, "omega", common / (common + sum(deviations^2 * (1 - loadings^2))))
    # psych's own omega is that of standardised items, over the observed variance of their sum
    keep("psych_omega", keys, "omega_total",
         suppressWarnings(omega(correlations, nfactors = 1, plot = FALSE))$omega.tot)
  }

  names <- c(items(issue, "individual"), items(issue, "collective"))
  stems <- sub(paste0(issue, "_"), "", names)
  matrix <- diag(8)
  for (i in 1:7) for (j in (i + 1):8) {
    matrix[i, j] <- matrix[j, i] <- polychor(wide[[names[i]]], wide[[names[j]]], ML = FALSE)
    keep("polychoric", c(issue, stems[i], stems[j]), "correlation", matrix[i, j])
  }
  dimnames(matrix) <- list(stems, stems)
  for (number in 1:3) {
    keep("factor_summary", issue, paste0("eigenvalue_", number), eigen(matrix)$values[number])
  }
  one <- fa(matrix, nfactors = 1, fm = "minres", n.obs = nrow(wide))
  two <- fa(matrix, nfactors = 2, fm = "minres", rotate = "oblimin", n.obs = nrow(wide))
  keep("factor_summary", issue, "rmsr_one", one$rms)
  keep("factor_summary", issue, "rmsr_two", two$rms)
  loadings <- unclass(two$loadings)
  first <- which.max(abs(colSums(loadings[1:4, ])))
  order <- c(first, 3 - first)
  signs <- sign(c(sum(loadings[1:4, order[1]]), sum(loadings[5:8, order[2]])))
  keep("factor_summary", issue, "factor_correlation", two$Phi[1, 2] * prod(signs))
  for (row in 1:8) {
    keep("two_factors", c(issue, stems[row]), "factor_individual",
         loadings[row, order[1]] * signs[1])
    keep("two_factors", c(issue, stems[row]), "factor_collective",
         loadings[row, order[2]] * signs[2])
    keep("two_factors", c(issue, stems[row]), "communality", two$communality[row])
  }
}

write_reference("scales", c("psych", "polycor", "GPArotation"))
