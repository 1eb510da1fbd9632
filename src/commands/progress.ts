import { createLogUpdate } from 'log-update';

const LINE_EVERY_MS = 10_000;

/** What is going on, on stderr: a block that is drawn over on a terminal, and a line now and then elsewhere. */
export interface Progress {
  /** Shows the present state; `line` is what somebody reads who sees no redrawing. */
  show(block: string, line?: string): void;
  /** Writes something that stays, above the block. */
  say(text: string): void;
  /** Leaves the last block standing, or takes it away. */
  end(options?: { readonly clear: boolean }): void;
}

/** Progress on a stream; the first shows nothing on a pipe until `LINE_EVERY_MS` has passed. */
export function openProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return linesOn(stream);
  const update = createLogUpdate(stream);
  let last = '';
  return {
    show: (block) => update((last = block)),
    say: (text) => {
      update.clear();
      stream.write(`${text}\n`);
      if (last) update(last);
    },
    end: ({ clear = false } = { clear: false }) => {
      if (clear) update.clear();
      else update.done();
    },
  };
}

function linesOn(stream: NodeJS.WriteStream): Progress {
  let shownAtMs = Date.now();
  let lastLine = '';
  return {
    show: (block, line = block) => {
      const now = Date.now();
      if (now - shownAtMs < LINE_EVERY_MS || line === lastLine) return;
      shownAtMs = now;
      lastLine = line;
      stream.write(`${line}\n`);
    },
    say: (text) => void stream.write(`${text}\n`),
    end: () => undefined,
  };
}
