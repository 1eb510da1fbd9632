import { isAccepted } from './create-checks.js';
import { without } from './endpoints.js';
import type { Repeats, SampleEvidence } from './evidence.js';
import { makeSample, sendCreate, type SentCreate, type Workshop } from './make-sample.js';
import type { Sample } from './samples.js';
import { NoAnswer } from './service.js';

/** Faults in a row after which no more images are bought. */
const GIVE_UP_AFTER = 2;

/** The images bought so far, and later answers to the first create's key. */
export interface Purchases {
  readonly samples: SampleEvidence[];
  readonly repeats: Repeats;
}

/**
 * Buys the samples one after another and adds the evidence of each to `purchases`, so that an interruption loses only
 * the current one. If the limit allows one more image at the end, it is used for the one question that may cost an
 * image. `miss` is called for each sample without an answer.
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
