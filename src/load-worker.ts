import { z } from 'zod';
import { asPart } from './domain/text/full-stop.js';
import { UsageError } from './errors.js';
import type { logTemporalTo } from './activities/worker/process/temporal-log.js';
import type { startWorker } from './worker.js';

/** The worker's code, which is loaded only where one runs. */
export interface WorkerCode {
  readonly startWorker: typeof startWorker;
  readonly logTemporalTo: typeof logTemporalTo;
}

/**
 * Loads the worker's code: with Temporal's SDK and its native core, which takes a second to load and does not exist
 * for every machine. Throws a UsageError if this machine cannot load it.
 */
export async function loadWorker(): Promise<WorkerCode> {
  try {
    // Imported separately first: if it fails below two modules at once, a second error is thrown that nothing catches.
    await import('@temporalio/worker');
    await import('@napi-rs/image');
    const [code, log] = await Promise.all([
      import('./worker.js'),
      import('./activities/worker/process/temporal-log.js'),
    ]);
    return { startWorker: code.startWorker, logTemporalTo: log.logTemporalTo };
  } catch (cause) {
    const [line = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new UsageError(
      `The worker cannot be loaded on this machine (${machine()}): ${asPart(line)}. It needs Linux with glibc or macOS, on x64 or arm64, or Windows on x64: use such a machine or image (node:22-slim instead of node:22-alpine), and install the packages there with "npm ci" instead of copying node_modules.`,
      { cause },
    );
  }
}

const Report = z.object({ header: z.object({ glibcVersionRuntime: z.string().optional() }) });

function machine(): string {
  const { platform, arch } = process;
  if (platform !== 'linux') return `${platform} ${arch}`;
  const report = Report.safeParse(process.report.getReport());
  const libc = report.data?.header.glibcVersionRuntime;
  return `linux ${arch}, ${libc === undefined ? 'no glibc' : `glibc ${libc}`}`;
}
