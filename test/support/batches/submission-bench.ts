import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import type { BatchId } from '../../../src/domain/rows/ids.js';
import { at, runsPrefix, type BatchLocation } from '../../../src/storage/layout.js';
import { batchWorkflowId } from '../../../src/workflows/protocol/names.js';
import { runInProcess } from '../commands/command-in-process.js';
import type { CommandResult } from '../commands/command-line.js';
import type { TestEngine } from '../stack/test-engine.js';

/** Sheets, commands and batches of an engine. */
export interface SubmissionBench {
  /** Runs a command line in the engine's folder, in this process. */
  readonly command: (args: readonly string[], input?: string) => Promise<CommandResult>;
  /** Writes a file into the engine's folder. */
  readonly write: (name: string, text: string) => Promise<void>;
  readonly handleOf: (batchId: string) => WorkflowHandle;
  /** Resolves when the batch's workflow has completed. */
  readonly ended: (batchId: string) => Promise<void>;
  readonly location: (batchId: string) => BatchLocation;
  readonly textAt: (batchId: string, key: string) => Promise<string>;
  /** The names of the batch's run folders. */
  readonly runFolders: (batchId: string) => Promise<readonly string[]>;
}

/** `engine` returns the engine once it exists. */
export function submissionBench(engine: () => TestEngine): SubmissionBench {
  const location = (batchId: string): BatchLocation => ({
    bucket: engine().stack.s3.bucket,
    root: `${batchId}/`,
    batchId: batchId as BatchId,
  });
  const handleOf = (batchId: string): WorkflowHandle =>
    engine().stack.temporal.client.workflow.getHandle(batchWorkflowId(location(batchId).batchId));
  return {
    location,
    command: (args, input) =>
      runInProcess(args, {
        cwd: engine().folder.path,
        variables: engine().variables,
        ...(input !== undefined && { input }),
      }),
    write: (name, text) => writeFile(path.join(engine().folder.path, name), text),
    handleOf,
    ended: async (batchId) => {
      await handleOf(batchId).result();
    },
    textAt: (batchId, key) => engine().stack.s3.store.readText(at(location(batchId), key)),
    runFolders: async (batchId) => {
      const { bucket, store } = engine().stack.s3;
      const names: string[] = [];
      for await (const folder of store.listFolders(bucket, runsPrefix(location(batchId)))) {
        names.push(path.posix.basename(folder));
      }
      return names;
    },
  };
}
