# What the reference scripts share: the panel, its long view, the correlates of the regressions,
# and how results are written.
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

factors <- list(
  area = LETTERS[1:5], issue = issues, gender = c("man", "woman"),
  education = c("no_qualifications", "school", "college", "degree"),
  employment = c("full_time", "part_time", "unemployed", "retired", "other"),
  tenure = c("rents", "owns"), disability = c("no", "yes"), children = c("no", "yes"),
  minority = c("no", "yes")
)
background <- c("age", "gender", "education", "employment", "tenure", "disability", "children",
                "minority", "years")
perceptions <- c("state", "satisfied", "informed", "consulted", "efficacy")
correlates <- c(background, perceptions)
numeric <- c("age", "years", perceptions)
blocks <- list(
  background = background, performance = c("state", "satisfied"),
  outreach = c("informed", "consulted"), efficacy = "efficacy"
)

# One row a respondent and issue, with what the regressions use.
long_view <- function(wide) {
  long <- do.call(rbind, lapply(issues, function(issue) {
    frame <- data.frame(
      wide[c("respondent", "area", "weight", background)], issue = issue,
      individual = index(wide[items(issue, "individual")]),
      collective = index(wide[items(issue, "collective")])
    )
    frame[perceptions] <- wide[paste(issue, perceptions, sep = "_")]
    frame
  }))
  for (name in names(factors)) long[[name]] <- factor(long[[name]], factors[[name]])
  long
}

spread <- function(x, w) sqrt(sum(w * (x - weighted.mean(x, w))^2) / sum(w))

# Rows with their numbers standardised; mean and SD of each are kept as an attribute.
standardised <- function(rows) {
  scale <- list()
  for (name in numeric) {
    w <- rows$weight
    scale[[name]] <- c(weighted.mean(rows[[name]], w), spread(rows[[name]], w))
    rows[[name]] <- (rows[[name]] - scale[[name]][1]) / scale[[name]][2]
  }
  attr(rows, "scale") <- scale
  rows
}

# Variable and level of a coefficient's name.
key <- function(name) {
  if (name == "(Intercept)") return(c("intercept", ""))
  if (name %in% numeric || grepl("|", name, fixed = TRUE)) return(c(name, ""))
  variable <- names(factors)[startsWith(name, names(factors))]
  c(variable, substring(name, nchar(variable) + 1))
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
