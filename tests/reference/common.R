# What the reference scripts share: the panel, its long view, and how results are written.
# Run from the project's folder: Rscript tests/reference/levels.R

issues <- c("safety", "environment", "health")
forms <- c(individual = "ind", collective = "col")

panel_file <- "data/panel.csv"
if (!file.exists(panel_file)) stop("run this from the folder that holds ", panel_file)
wide <- read.csv(panel_file, na.strings = "", stringsAsFactors = FALSE)
# Sys.which finds coreutils' sha256sum (Linux) or shasum (macOS); base R has no SHA-256.
hasher <- if (nzchar(Sys.which("sha256sum"))) "sha256sum" else "shasum -a 256"
checksum <- strsplit(system(paste(hasher, panel_file), intern = TRUE), " ")[[1]][1]

items <- function(issue, form) paste(issue, forms[[form]], 1:4, sep = "_")

# 100 * mean of answered items / 2, if at least half are answered
index <- function(answers) {
  ifelse(rowSums(!is.na(answers)) >= 2, 100 * rowMeans(answers, na.rm = TRUE) / 2, NA)
}

reference <- list()

# Keep one result: a table of coprod, the row's keys, the column, the value.
keep <- function(table, keys, statistic, value) {
  reference[[length(reference) + 1]] <<- data.frame(
    table = table, keys = paste(keys, collapse = "/"), statistic = statistic,
    value = sprintf("%.17g", as.numeric(value))
  )
}

write_reference <- function(name, packages) {
  versions <- vapply(packages, function(p) paste(p, packageVersion(p)), "")
  file <- file.path("tests/reference", paste0(name, ".csv"))
  head <- c(
    paste0("# panel_sha256: ", checksum),
    paste0("# made by tests/reference/", name, ".R with R ", getRversion(), ", ",
           paste(versions, collapse = ", "))
  )
  writeLines(head, file)
  table <- do.call(rbind, reference)
  suppressWarnings(
    write.table(table, file, sep = ",", row.names = FALSE, quote = FALSE, append = TRUE)
  )
}
