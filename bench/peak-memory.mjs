// Loaded into a command that is measured: at its end it tells its largest resident size on standard error.
process.on('exit', () => {
  process.stderr.write(`peak-memory-bytes ${process.resourceUsage().maxRSS * 1024}\n`);
});
