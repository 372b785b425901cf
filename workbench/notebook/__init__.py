"""What `import tilth` gives a notebook: functions over columns of texts, with results that explain themselves."""
