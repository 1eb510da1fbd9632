// Loaded into a command that is measured: at its end it tells on standard error what it has used.
process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const usage = { peakBytes: maxRSS * 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 };
  process.stderr.write(`usage ${JSON.stringify(usage)}\n`);
});
