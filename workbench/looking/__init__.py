"""What looks and changes nothing: pages, lists and checks of files, versions, runs and servers."""
