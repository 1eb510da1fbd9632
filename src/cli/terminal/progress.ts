import { createLogUpdate } from 'log-update';

const LINE_EVERY_MS = 10_000;

/** Progress on stderr: on a terminal a block that is redrawn, otherwise a line from time to time. */
export interface Progress {
  /** Shows the present state; `line` is for output without redrawing. */
  show(block: string, line?: string): void;
  /** Writes a permanent line above the block. */
  say(text: string): void;
  /** Keeps or removes the last block. */
  end(options?: { readonly clear: boolean }): void;
}

/** Progress on a stream; the first `show` prints nothing on a pipe until `LINE_EVERY_MS` has passed. */
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

const DRAW_EVERY_MS = 150;

/**
 * Progress that appears only if the work takes longer than `afterMs` (default 2 s), and disappears at the end. `show`
 * may be called at any rate: it requests the text only when it draws.
 */
export function openLateProgress(
  stream: NodeJS.WriteStream,
  afterMs = 2_000,
): { readonly show: (text: () => string) => void; readonly end: () => void } {
  const progress = openProgress(stream);
  let drawAtMs = Date.now() + afterMs;
  return {
    show: (text) => {
      const now = Date.now();
      if (now < drawAtMs) return;
      drawAtMs = now + DRAW_EVERY_MS;
      progress.show(text());
    },
    end: () => progress.end({ clear: true }),
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
