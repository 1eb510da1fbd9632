import { htmlPage, labelOf, xmlPage, type Answer } from '../answer.js';
import type { ImageUrls } from './image-urls.js';
import { statusAt, type Job } from '../jobs/job.js';
import { isPoisoned } from '../poison.js';
import type { Settings } from '../options.js';
import { renderImage, type ImageRequest } from './render/render-image.js';
import type { SandboxCore } from '../sandbox-core.js';
import { outageAnswer } from '../transient-fault.js';

/** Caches the most recently requested bytes up to a total size; evicts the oldest first. */
class ImageCache {
  readonly #mostBytes: number;
  readonly #images = new Map<string, Buffer>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** The bytes of `name`, made by `make` if they are not cached. */
  get(name: string, make: () => Buffer): Buffer {
    const kept = this.#images.get(name);
    if (kept !== undefined) {
      this.#images.delete(name);
      this.#images.set(name, kept);
      return kept;
    }
    const image = make();
    this.#images.set(name, image);
    this.#bytes += image.length;
    for (const [oldest, bytes] of this.#images) {
      if (this.#bytes <= this.#mostBytes) break;
      this.#images.delete(oldest);
      this.#bytes -= bytes.length;
    }
    return image;
  }
}

const CACHE_BYTES = 32_000_000;

const NO_SUCH_KEY: Answer = {
  kind: 'xml',
  status: 404,
  code: 'NoSuchKey',
  message: 'The specified key does not exist.',
};

function denied(message: string): Answer {
  return { kind: 'xml', status: 403, code: 'AccessDenied', message };
}

/** The whole image of a job with this request, as the settings have it drawn. */
export function imageOf({ imageBytes, blankImages }: Settings, request: ImageRequest): Buffer {
  return renderImage({ ...request, imageBytes: imageBytes ?? 0, isBlank: blankImages });
}

/** A body and how it is sent. */
export interface ImageBody {
  readonly kind: 'image';
  readonly label: string;
  readonly contentType: string;
  readonly bytes: Buffer;
  /** Number of bytes sent before the connection is cut; all if it equals their number. */
  readonly sentBytes: number;
  /** Wait before the second half. */
  readonly pauseMs: number;
}

/** Answers requests for images by presigned URL, on another origin than the API. */
export class ImageHost {
  readonly #core: SandboxCore;
  readonly #urls: ImageUrls;
  readonly #cache = new ImageCache(CACHE_BYTES);

  constructor(core: SandboxCore, urls: ImageUrls) {
    this.#core = core;
    this.#urls = urls;
  }

  answer(url: URL): Answer | ImageBody {
    const answer = this.#answer(url);
    this.#core.tally.imageRequests.add(answer.kind === 'image' ? answer.label : labelOf(answer));
    return answer;
  }

  #answer(url: URL): Answer | ImageBody {
    const core = this.#core;
    const outage = outageAnswer(core, 'images');
    if (outage !== undefined) return outage;
    const now = core.now();
    const check = this.#urls.check(url, now);
    if (check.kind === 'forged') return denied('The request signature does not match');
    if (check.kind === 'expired') return denied('Request has expired');
    const job = check.kind === 'valid' ? core.jobs.find(check.jobId) : undefined;
    if (job === undefined || statusAt(job, now) !== 'done') return NO_SUCH_KEY;
    if (isPoisoned(job.prompt, 'image-500')) return { kind: 'html', status: 500 };
    if (job.end.kind === 'imageless') return denied('Access Denied');
    if (core.misbehaviour.plays('image-expired')) return denied('Request has expired');
    return this.#body(job);
  }

  #body(job: Job): ImageBody {
    const { misbehaviour, settings } = this.#core;
    const { imageBytes, blankImages } = settings;
    const whole = this.#cache.get(`${job.id} ${imageBytes} ${blankImages}`, () => imageOf(settings, job));
    const body = { kind: 'image', label: '200', contentType: 'image/png', bytes: whole } as const;
    if (misbehaviour.plays('image-wrong-body')) {
      const xml = misbehaviour.share('wrong-body-form') < 0.5;
      const bytes = Buffer.from(xml ? xmlPage('InternalError', 'Please try again.') : htmlPage(200));
      const contentType = xml ? 'application/xml' : 'text/html; charset=utf-8';
      return { ...body, label: 'wrong-body', contentType, bytes, sentBytes: bytes.length, pauseMs: 0 };
    }
    const contentType = misbehaviour.plays('image-octet-stream') ? 'application/octet-stream' : 'image/png';
    const pauseMs = misbehaviour.plays('image-slow') ? settings.slowImageMs : 0;
    const part = Math.floor(whole.length * (0.2 + 0.7 * misbehaviour.share('image-part')));
    if (misbehaviour.plays('image-truncated')) {
      return { ...body, label: 'truncated', contentType, sentBytes: part, pauseMs };
    }
    if (misbehaviour.plays('image-cut')) {
      const bytes = whole.subarray(0, part);
      return { ...body, label: 'cut', contentType, bytes, sentBytes: part, pauseMs };
    }
    return { ...body, contentType, sentBytes: whole.length, pauseMs };
  }
}
