import type { Answer } from './service.js';
import type { Sample } from './samples.js';
import type { Delivery } from './webhook-receiver.js';

/** An image as its host sent it. */
export interface ImageAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  /** Whether the connection ended before the promised length. */
  readonly cut: boolean;
  /** By decoding all its pixels; undefined where that failed. */
  readonly pixels: { readonly width: number; readonly height: number } | undefined;
}

/** What our own client read from the same account, job and image; an error's text if it failed. */
export interface ClientView {
  readonly balance: unknown;
  readonly job: unknown;
  readonly image: unknown;
}

/** All evidence about one sample, as received. */
export interface SampleEvidence {
  readonly sample: Sample;
  readonly create: Answer;
  /** Undefined if the create was refused, or returned no id. */
  readonly jobId: string | undefined;
  /** Answers to the same create with the same key, of the first sample: at once, and after the end. */
  readonly replays: readonly Answer[];
  /** Of `GET /jobs/{id}`, in order; for a finished job the last two are after its end. */
  readonly polls: readonly Answer[];
  readonly tookMs: number;
  readonly image: ImageAnswer | undefined;
  /** The image requested without its URL's query. */
  readonly unsigned: ImageAnswer | undefined;
  /** Of `GET /balance`: before the create, after it, after the replay, and settled after the end. */
  readonly balances: {
    readonly before: Answer;
    readonly created: Answer;
    readonly replayed: Answer | undefined;
    readonly ended: Answer;
  };
  readonly deliveries: readonly Delivery[];
  readonly client: ClientView | undefined;
}

/** Later answers to the key of the first sample's create. */
export interface Repeats {
  /** With the same body, after another create was answered 402. */
  whenSpent?: Answer;
  /** With a body that cannot make an image. */
  faultyBody?: Answer;
  /** With another prompt. */
  otherBody?: Answer;
}

/** All evidence that checks use. */
export interface Evidence {
  readonly apiOrigin: string;
  /** Every answer of the API in this run. */
  readonly answers: readonly Answer[];
  /** The samples whose create was answered. */
  readonly samples: readonly SampleEvidence[];
  /** Size of the input image, if one was given and could be read from here. */
  readonly inputSize: { readonly width: number; readonly height: number } | undefined;
  readonly inputImage: string | undefined;
  /** Whether a receiver listened for webhooks. */
  readonly listened: boolean;
  readonly repeats: Readonly<Repeats>;
}
