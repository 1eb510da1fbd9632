// Does nothing: the limit of every command that Node runs.
process.exitCode = 0;
