"""The figures of every family whose answer is a class; each module is named by what it draws."""
