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

/** What our own client made of the same account, job and image; an error's text where it did not cope. */
export interface ClientView {
  readonly balance: unknown;
  readonly job: unknown;
  readonly image: unknown;
}

/** Everything that was seen of one sample, as it came. */
export interface SampleEvidence {
  readonly sample: Sample;
  readonly create: Answer;
  /** Undefined where the create was refused, or gave none. */
  readonly jobId: string | undefined;
  /** Answers to the same create with the same key, of the first sample: at once, and after the end. */
  readonly replays: readonly Answer[];
  /** Of `GET /jobs/{id}`, in order; the last of a finished job are two at its end. */
  readonly polls: readonly Answer[];
  readonly tookMs: number;
  readonly image: ImageAnswer | undefined;
  /** The image asked for without its URL's query. */
  readonly unsigned: ImageAnswer | undefined;
  /** Of `GET /balance`: before the create, after it, after the replay, and at rest after the end. */
  readonly balances: {
    readonly before: Answer;
    readonly created: Answer;
    readonly replayed: Answer | undefined;
    readonly ended: Answer;
  };
  readonly deliveries: readonly Delivery[];
  readonly client: ClientView | undefined;
}

/** What the key of the first sample's create was answered later. */
export interface Repeats {
  /** With the same body, after another create was answered 402. */
  whenSpent?: Answer;
  /** With a body that no image can be made of. */
  faultyBody?: Answer;
  /** With another prompt. */
  otherBody?: Answer;
}

/** All that looking checks look at. */
export interface Evidence {
  readonly apiOrigin: string;
  /** Every answer of the API in this run. */
  readonly answers: readonly Answer[];
  /** The samples whose create was answered. */
  readonly samples: readonly SampleEvidence[];
  /** Size of the input image, where one was given and could be read from here. */
  readonly inputSize: { readonly width: number; readonly height: number } | undefined;
  readonly inputImage: string | undefined;
  /** Whether deliveries were listened for. */
  readonly listened: boolean;
  readonly repeats: Readonly<Repeats>;
}
