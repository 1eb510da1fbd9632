import { EXAMPLE, MEASURED } from './figures.js';
import { batchSeconds, needsOf, type Needs } from './model.js';

const IMAGES = 1_000_000;
const JOBS = [
  { name: '10 s ± 20 %', fromSeconds: 8, toSeconds: 12 },
  { name: '8 to 25 s', fromSeconds: 8, toSeconds: 25 },
] as const;
const UNFINISHED = [100, 1_000] as const;
const PER_DAY = [1_000_000, 10_000_000, 100_000_000] as const;

/** Lines of a Markdown table, as the formatter writes them. */
type Table = readonly string[];

/** How long an account takes for a million images. */
export function accountTable(): Table {
  const lines = JOBS.flatMap(({ name, ...job }) =>
    UNFINISHED.map((unfinishedJobs) => {
      const hours = batchSeconds(IMAGES, { ...job, unfinishedJobs }, MEASURED.idleSeconds) / 3_600;
      const mean = (job.fromSeconds + job.toSeconds) / 2;
      const leastHours = (IMAGES * mean) / unfinishedJobs / 3_600;
      return [
        name,
        figure(unfinishedJobs),
        figure(IMAGES / hours / 3_600),
        `${figure(hours)} h`,
        `${figure(leastHours)} h`,
      ];
    }),
  );
  return table(['jobs take', 'unfinished jobs', 'images/s', 'a million images', 'with no time lost'], lines);
}

/** What so many images a day need of each part. */
export function needsTable(): Table {
  const needs = PER_DAY.map((perDay) => needsOf(perDay, { jobSeconds: 10, ...EXAMPLE }, MEASURED));
  const rows: readonly (readonly [string, keyof Needs])[] = [
    ['images per second', 'imagesPerSecond'],
    ['unfinished jobs, of 10 s each', 'unfinishedJobs'],
    ['requests per second to the API', 'requestsPerSecond'],
    ['busy cores of all workers', 'workerCores'],
    ['busy cores of Temporal (SQLite)', 'temporalCores'],
    ['history events per second', 'eventsPerSecond'],
    ['writes per second to the bucket', 'writesPerSecond'],
    ['MB per second in, and as many out', 'mbPerSecond'],
    ['TB per day to store', 'tbPerDay'],
    [`dollars per day, at ${EXAMPLE.price} an image`, 'costPerDay'],
  ];
  return table(
    ['images per day', ...PER_DAY.map((perDay) => `${perDay / 1_000_000} million`)],
    rows.map(([name, key]) => [name, ...needs.map((need) => figure(need[key]))]),
  );
}

/** Two digits, or more for larger figures. */
function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(2)));
}

function table(heads: readonly string[], lines: readonly (readonly string[])[]): Table {
  const widths = heads.map((head, column) =>
    Math.max(3, head.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const written = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [written(heads), written(widths.map((width) => '-'.repeat(width))), ...lines.map(written)];
}
