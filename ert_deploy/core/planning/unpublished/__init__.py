"""Plan of a run that may not change the apps: it starts or rents, and gives up only what no app can use."""
