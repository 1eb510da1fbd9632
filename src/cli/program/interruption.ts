import { EXIT } from '../terminal/command-context.js';
import { InterruptedError } from '../../errors.js';

/** Ctrl-C and SIGTERM for commands. */
export interface Interruption {
  /** Aborted by the first of them, with an InterruptedError. */
  readonly interrupted: AbortSignal;
  /** Prints what the command still finishes after it, such as `the worker`. Without that the process exits within a second. */
  readonly finishing: (what: string) => void;
}

/** Time for a command to end by itself. */
const GRACE_MS = 800;

/** Handles this process's signals: the first asks the command to end, the second exits the process. */
export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  let finished: string | undefined;
  let ending: NodeJS.Timeout | undefined;
  const finishing = (what: string): void => {
    finished = what;
    if (!controller.signal.aborted || ending === undefined) return;
    clearTimeout(ending);
    ending = undefined;
    process.stderr.write(saidOf(what));
  };
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    if (finished === undefined) ending = setTimeout(() => process.exit(EXIT.interrupted), GRACE_MS).unref();
    process.stderr.write(finished === undefined ? '\nStopping.\n' : `\n${saidOf(finished)}`);
    controller.abort(new InterruptedError('The command was stopped.'));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return { interrupted: controller.signal, finishing };
}

function saidOf(what: string): string {
  return `Stopping ${what}; press Ctrl-C again to end at once.\n`;
}
