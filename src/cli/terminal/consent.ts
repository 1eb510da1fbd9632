import { createInterface } from 'node:readline/promises';

/** A person's answer to a question at a terminal. */
export type Consent = 'given' | 'declined' | 'interrupted';

/** A terminal for questions. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly interrupted: AbortSignal;
}

/** Asks a question that only "y" and "yes" accept. Ctrl-C and an aborted `interrupted` interrupt, Ctrl-D declines. */
export async function askConsent(
  { stdin, stderr, interrupted }: Terminal,
  question: string,
): Promise<Consent> {
  const prompt = createInterface({ input: stdin, output: stderr });
  const left = new AbortController();
  let unanswered: Consent = 'declined';
  // While it asks, a terminal delivers Ctrl-C as a key: the process gets no signal.
  prompt.once('SIGINT', () => {
    unanswered = 'interrupted';
    left.abort();
  });
  prompt.once('close', () => left.abort());
  try {
    const signal = AbortSignal.any([interrupted, left.signal]);
    const answer = await prompt.question(`${question} [y/N] `, { signal });
    return /^\s*(y|yes)\s*$/i.test(answer) ? 'given' : 'declined';
  } catch (error) {
    if (!interrupted.aborted && !left.signal.aborted) throw error;
    stderr.write('\n');
    return interrupted.aborted ? 'interrupted' : unanswered;
  } finally {
    prompt.close();
  }
}
