"""The verbs of the command line, one file each; a file is imported when its verb is called."""
