"""The numbers of a model's report: scores with intervals, the verdict, the rows and columns that matter, as records."""
