import { isAccepted } from './create-checks.js';
import { without } from './endpoints.js';
import type { Repeats, SampleEvidence } from './evidence.js';
import { makeSample, sendCreate, type SentCreate, type Workshop } from './make-sample.js';
import type { Sample } from './samples.js';
import { NoAnswer } from './service.js';

/** Faults in a row after which nothing more is bought. */
const GIVE_UP_AFTER = 2;

/** What was bought so far, and what the first create's key was answered later. */
export interface Purchases {
  readonly samples: SampleEvidence[];
  readonly repeats: Repeats;
}

/**
 * Buys the samples, one after another, and adds to `purchases` what was seen of each, so that an interruption loses no
 * more than the one it met. What is left of the bound in the end is spent on the one question that may cost an image.
 * `miss` is told of each that had no answer.
 */
export async function buySamples(
  shop: Workshop,
  planned: readonly Sample[],
  purchases: Purchases,
  tell: { readonly say: (line: string) => void; readonly miss: (error: NoAnswer) => void },
): Promise<void> {
  const { samples, repeats } = purchases;
  let first: SentCreate | undefined;
  let missed = 0;
  const unlessUnanswered = async (what: () => Promise<void>) => {
    if (shop.creates.room <= 0 || missed >= GIVE_UP_AFTER) return;
    try {
      await what();
      missed = 0;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      missed += 1;
      tell.miss(error);
    }
  };
  for (const sample of planned) {
    await unlessUnanswered(async () => {
      tell.say(`buying ${sample.name} …`);
      const { evidence, sent } = await makeSample(shop, sample, first === undefined);
      samples.push(evidence);
      if (isAccepted(evidence)) first ??= sent;
    });
    const [key, spent] = [first, samples.at(-1)?.create.status === 402];
    if (key === undefined) continue;
    await unlessUnanswered(async () => {
      if (spent) repeats.whenSpent ??= await sendCreate(shop, key, 'again');
      const faulty = { ...key, body: without(key.body, 'prompt') };
      repeats.faultyBody ??= await sendCreate(shop, faulty, 'again');
    });
  }
  const key = first;
  if (key === undefined) return;
  await unlessUnanswered(async () => {
    const other = { ...key, body: { ...key.body, prompt: 'a small green frog on a leaf' } };
    repeats.otherBody ??= await sendCreate(shop, other, 'with another prompt');
  });
}
