import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { say, SetupError } from './setup-error.mjs';

const LONGEST_WAIT_MS = 20 * 60_000;

/**
 * Locks the file for this process and returns how to release it. Waits, with a message, while a living process has it;
 * takes it over from a dead one.
 */
export async function takeLock(file) {
  makeFolder(dirname(file));
  const deadline = Date.now() + LONGEST_WAIT_MS;
  let told;
  while (!create(file)) {
    const holder = holderOf(file);
    if (holder === undefined) {
      rmSync(file, { force: true });
      continue;
    }
    if (Date.now() > deadline) {
      throw new SetupError(
        `Waited 20 minutes for the setup with pid ${holder}. If it is stuck, end it and remove ${file}.`,
      );
    }
    if (told !== holder) say(`Another setup is running (pid ${holder}); waiting for it …`);
    told = holder;
    await delay(500);
  }
  const release = () => {
    if (readIfAny(file) === String(process.pid)) rmSync(file, { force: true });
  };
  process.once('exit', release);
  return release;
}

function makeFolder(folder) {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new SetupError(
      `The cache folder ${folder} cannot be created (${error.code}). Set XDG_CACHE_HOME to a writable folder.`,
      2,
    );
  }
}

/** Creates the file with our pid in it in one step: no process ever reads it half written. */
function create(file) {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function holderOf(file) {
  const pid = Number(readIfAny(file));
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return error.code === 'EPERM' ? pid : undefined;
  }
}

function readIfAny(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
