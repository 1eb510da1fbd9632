// Loaded into a measured command: prints its resource usage on standard error when it exits.
process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const usage = { peakBytes: maxRSS * 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 };
  process.stderr.write(`usage ${JSON.stringify(usage)}\n`);
});
