# The estimates of benchmarks/estimators.py by survey and estimatr: Rscript estimators.R TASK FOLDER
# Says wall seconds, processor seconds and peak megabytes; reading the data is not timed.
given <- commandArgs(trailingOnly = TRUE)
task <- given[1]
folder <- given[2]
suppressPackageStartupMessages(library(if (task == "means") "survey" else "estimatr", character.only = TRUE))
read <- function(name) read.csv(file.path(folder, name), stringsAsFactors = TRUE)
data <- switch(task, means = read("all.csv"), regression = read("long.csv"), effects = read("wide.csv"))

work <- list(
  means = function() {
    design <- svydesign(ids = ~respondent, strata = ~area, weights = ~weight, data = data)
    for (form in c("individual", "collective")) {
      svyby(reformulate(form), ~issue, design, svymean, na.rm = TRUE)
      svyby(as.formula(paste0("~I(", form, " == 0)")), ~issue, design, svymean, na.rm = TRUE)
    }
  },
  regression = function() {
    columns <- setdiff(names(data), c("respondent", "person", "weight", "individual", "collective"))
    lm_robust(reformulate(columns, "collective"), data, weights = weight, clusters = person, se_type = "stata")
  },
  effects = function() {
    known <- setdiff(names(data), c("arm", "willing", "signup"))
    arms <- setdiff(levels(data$arm), "control")
    for (outcome in c("willing", "signup")) {
      for (chosen in c(as.list(arms), list(arms))) {
        pair <- droplevels(data[data$arm %in% c("control", chosen) & !is.na(data[[outcome]]), ])
        pair$treated <- as.numeric(pair$arm != "control")
        lm_robust(reformulate(c("treated", "area"), outcome), pair, se_type = "HC2")
        lm_lin(reformulate("treated", outcome), reformulate(known), pair, se_type = "HC2")
      }
    }
  }
)
invisible(gc(reset = TRUE))
spent <- system.time(work[[task]]())
cat(spent[["elapsed"]], spent[["user.self"]] + spent[["sys.self"]], sum(gc()[, 6]), "\n")
