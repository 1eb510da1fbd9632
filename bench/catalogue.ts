import { defineBench, type Bench } from './program/bench.js';

const CONCURRENCY = 'jobs in flight at most';

/** All benches, in the order in which they run. */
export const BENCHES: readonly Bench[] = [
  defineBench({
    name: 'main-job',
    summary: 'time of a batch beside the best schedule of its jobs, polls, history',
    options: {
      rows: { default: 600, quick: 40, help: 'rows' },
      concurrency: { default: 100, quick: 20, help: CONCURRENCY },
      seconds: { default: 10, quick: 3, help: 'job time, ± 20 %' },
    },
    run: async (values, say) => (await import('./jobs/main-job.js')).benchMainJob(values, say),
  }),
  defineBench({
    name: 'throughput',
    summary: 'rows per second if jobs take no time; CPU time and memory',
    options: {
      rows: { default: 2_000, quick: 100, help: 'rows' },
      concurrency: { default: 100, quick: 20, help: CONCURRENCY },
    },
    run: async (values, say) => (await import('./jobs/throughput.js')).benchThroughput(values, say),
  }),
  defineBench({
    name: 'growth',
    summary: 'whether a row of a long batch costs as much as one of a short batch',
    options: {
      rows: { default: 6_000, quick: 200, help: 'rows of the long batch' },
      short: { default: 2_000, quick: 100, help: 'rows of the short one' },
      concurrency: { default: 100, quick: 20, help: CONCURRENCY },
    },
    run: async (values, say) => (await import('./jobs/growth.js')).benchGrowth(values, say),
  }),
  defineBench({
    name: 'ledger',
    summary: 'reading, recording and sealing rows that make no image',
    options: { rows: { default: 100_000, quick: 2_000, help: 'rows, up to 1000000' } },
    run: async (values, say) => (await import('./jobs/ledger.js')).benchLedger(values, say),
  }),
  defineBench({
    name: 'copy',
    summary: 'CPU time of a worker to copy an image and to make a thumbnail',
    options: { rows: { default: 300, quick: 20, help: 'rows of each batch' } },
    run: async (values, say) => (await import('./images/copy.js')).benchCopy(values, say),
  }),
  defineBench({
    name: 'dry-run',
    summary: 'a dry run of a large sheet beside csv-parse alone',
    options: { rows: { default: 200_000, quick: 5000, help: 'rows, up to 1000000' } },
    run: async (values, say) => (await import('./commands/dry-run.js')).benchDryRun(values, say),
  }),
  defineBench({
    name: 'commands',
    summary: 'time and CPU time of --help, status and list beside the start of Node',
    options: { times: { default: 5, quick: 1, help: 'repetitions; the median counts' } },
    run: async (values, say) => (await import('./commands/commands.js')).benchCommands(values, say),
  }),
  defineBench({
    name: 'export',
    summary: 'exports of a finished batch in both formats',
    options: {
      images: { default: 600, quick: 100, help: 'images' },
      bytes: { default: 1_500_000, quick: 20000, help: 'size of each image' },
    },
    run: async (values, say) => (await import('./images/export.js')).benchExport(values, say),
  }),
  defineBench({
    name: 'api',
    summary: "polls per image, how late they notice a job's end, creates under a rate",
    options: {
      rows: { default: 1_000, quick: 20, help: 'rows; with 300 the polls per image vary by 15 %' },
      concurrency: { default: 250, quick: 20, help: CONCURRENCY },
      from: { default: 8, quick: 2, help: 'shortest job time in seconds' },
      to: { default: 25, quick: 4, help: 'longest job time in seconds' },
    },
    run: async (values, say) => (await import('./jobs/api.js')).benchApi(values, say),
  }),
  defineBench({
    name: 'webhooks',
    summary: 'polls per image with webhooks, without, and with a dead receiver',
    options: {
      rows: { default: 200, quick: 4, help: 'rows' },
      concurrency: { default: 100, quick: 4, help: CONCURRENCY },
    },
    run: async (values, say) => (await import('./jobs/webhooks.js')).benchWebhooks(values, say),
  }),
  defineBench({
    name: 'images',
    summary: 'CPU time to copy and to check a single image',
    options: { times: { default: 20, quick: 2, help: 'repetitions' } },
    run: async (values, say) => (await import('./images/images.js')).benchImages(values, say),
  }),
];
