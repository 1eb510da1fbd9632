import { textError } from './answer.js';
import { answerApi, type ApiParts } from './api/api-routes.js';
import { API_PATH } from './contract.js';
import { CreateRoute } from './api/create-route.js';
import { urlOf, writeAnswer, writeImage } from './api/http-exchange.js';
import { ImageHost, imageOf } from './images/image-host.js';
import type { ImageRequest } from './images/render/render-image.js';
import { ImageUrls } from './images/image-urls.js';
import type { JobListing } from './jobs/job-store.js';
import { listen, type ListeningServer } from './api/listening-server.js';
import {
  sandboxOptionsSchema,
  sandboxPatchSchema,
  type SandboxOptions,
  type SandboxPatch,
} from './options.js';
import { SandboxCore } from './sandbox-core.js';
import type { SandboxStats } from './tally.js';
import { Webhooks } from './api/webhooks.js';

export { MISBEHAVIOURS, type MisbehaviourName } from './misbehaviour.js';
export type { SandboxOptions, SandboxPatch } from './options.js';
export { renderImage } from './images/render/render-image.js';
export type { JobListing } from './jobs/job-store.js';
export type { SandboxStats } from './tally.js';

/** A running sandbox. */
export interface RunningSandbox {
  /** Base URL of the API, for `BANANAHUB_BASE_URL`. */
  readonly apiUrl: string;
  /** Origin of the image URLs. */
  readonly imagesUrl: string;
  /** The control endpoint, see `answerControl`. */
  readonly controlUrl: string;
  stats(): SandboxStats;
  jobs(): readonly JobListing[];
  /** The image that a job with this request gets, by the present settings. */
  imageOf(request: ImageRequest): Buffer;
  /** Changes settings from the next request on. Throws a ZodError and changes nothing if one is invalid. */
  configure(patch: SandboxPatch): void;
  /** Cuts every connection, stops listening, and resolves once the state file is written. */
  close(): Promise<void>;
}

async function serveImages(core: SandboxCore, host: string, port: number, origin: string | undefined) {
  let imageHost: ImageHost | undefined;
  const server = await listen({
    host,
    port,
    purpose: 'image host',
    onRequest: (request, response) => {
      const answer = imageHost?.answer(urlOf(request)) ?? textError(503, 'Starting');
      if (answer.kind !== 'image') {
        writeAnswer(response, answer);
        return;
      }
      writeImage(response, answer, () => {
        if (answer.label === '200') core.tally.imagesServed += 1;
      });
    },
  });
  // The URLs contain the port, which is known only once the server listens.
  const imageUrls = new ImageUrls(origin ?? server.origin, `sandbox ${core.seed}`);
  imageHost = new ImageHost(core, imageUrls);
  return { server, imageUrls, imagesUrl: origin ?? server.origin };
}

async function serveApi(parts: ApiParts, host: string, port: number): Promise<ListeningServer> {
  return listen({
    host,
    port,
    purpose: 'API',
    onRequest: (request, response) => {
      const answering = answerApi(parts, request).catch((error: unknown) =>
        textError(500, `sandbox fault: ${error instanceof Error ? error.message : String(error)}`),
      );
      void answering.then((answer) => writeAnswer(response, answer));
    },
  });
}

/**
 * Starts a sandbox of the BananaHub API in this process: its whole documented contract, and everything observed in
 * production, as far as a rate or a switch enables it. Where the contract says nothing: a failed job's reservation is
 * returned, keys and jobs are kept for ever, and unknown fields are refused. Throws a ZodError for invalid options,
 * an Error if a port is taken or the state file is unreadable.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<RunningSandbox> {
  const {
    host = '127.0.0.1',
    port = 0,
    imagesPort = 0,
    imagesOrigin,
    seed = 'banana',
    stateFile,
    ...settings
  } = sandboxOptionsSchema.parse(options);
  const core = new SandboxCore(seed, settings);
  const opened: { close(): void | Promise<void> }[] = [core];
  const close = async () => {
    for (const part of opened.splice(0).toReversed()) await part.close();
  };
  try {
    if (stateFile !== undefined) await core.keepIn(stateFile);
    const { server, imageUrls, imagesUrl } = await serveImages(core, host, imagesPort, imagesOrigin);
    opened.push(server);
    const webhooks = new Webhooks(core, imageUrls);
    opened.push(webhooks);
    for (const job of core.jobs.unfinished(core.now())) webhooks.schedule(job);
    const creates = new CreateRoute(core, (job) => {
      webhooks.schedule(job);
    });
    const api = await serveApi({ core, imageUrls, creates }, host, port);
    opened.push(api);
    return {
      apiUrl: `${api.origin}${API_PATH}`,
      imagesUrl,
      controlUrl: `${api.origin}/control`,
      stats: () => core.stats(),
      jobs: () => core.jobs.list(core.now()),
      imageOf: (request) => imageOf(core.settings, request),
      configure: (patch) => {
        core.configure(sandboxPatchSchema.parse(patch));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
