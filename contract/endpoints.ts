export type Model = 'nb' | 'nb2' | 'pro';
export type Mode = 'text' | 'image';

/** The endpoint of a model and mode. Source: the contract, "Models and endpoints". */
export interface Endpoint {
  readonly model: Model;
  readonly mode: Mode;
  /** Below the base URL. */
  readonly path: string;
}

export const ENDPOINTS: readonly Endpoint[] = [
  { model: 'nb', mode: 'text', path: '/nb/text-generations' },
  { model: 'nb2', mode: 'text', path: '/nb2/text-generations' },
  { model: 'pro', mode: 'text', path: '/text-generations' },
  { model: 'nb', mode: 'image', path: '/nb/url-generations' },
  { model: 'nb2', mode: 'image', path: '/nb2/url-generations' },
  { model: 'pro', mode: 'image', path: '/url-generations' },
];

/** The endpoint of a model in a mode. */
export function endpointOf(model: Model, mode: Mode): Endpoint {
  const found = ENDPOINTS.find((endpoint) => endpoint.model === model && endpoint.mode === mode);
  if (found === undefined) throw new Error(`The contract has no endpoint for ${model} by ${mode}.`);
  return found;
}

export const RESOLUTIONS = ['1K', '2K', '4K'] as const;

const RATIOS_OF_ALL = '1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9 from_prompt'.split(' ');
const RATIOS_OF_NB2_AND_PRO = '1:4 1:8 4:1 8:1'.split(' ');
const RATIO_OF_THEIR_IMAGE_MODE = 'auto';

/** The aspect ratios that an endpoint accepts, and those of other endpoints that it refuses. */
export function aspectRatiosOf({ model, mode }: Endpoint): {
  readonly accepted: readonly string[];
  readonly refused: readonly string[];
} {
  if (model === 'nb') {
    return { accepted: RATIOS_OF_ALL, refused: [...RATIOS_OF_NB2_AND_PRO, RATIO_OF_THEIR_IMAGE_MODE] };
  }
  const text = [...RATIOS_OF_ALL, ...RATIOS_OF_NB2_AND_PRO];
  if (mode === 'text') return { accepted: text, refused: [RATIO_OF_THEIR_IMAGE_MODE] };
  return { accepted: [...text, RATIO_OF_THEIR_IMAGE_MODE], refused: [] };
}

/** The host of this address is reserved never to exist (RFC 2606): no service can fetch from it. */
export const UNREACHABLE_IMAGE = 'https://banana-batch.invalid/input.png';

export type Body = Readonly<Record<string, unknown>>;

/** A valid body for an endpoint, of the cheapest kind; `inputImages` are its image URLs. */
export function goodBody(
  { model, mode }: Endpoint,
  inputImages: readonly string[] = [UNREACHABLE_IMAGE],
): Body {
  return {
    prompt: 'a small yellow bird on a branch',
    aspect_ratio: '1:1',
    ...(model === 'nb' ? {} : { resolution: '1K' }),
    ...(mode === 'text' ? {} : { input_images_urls: inputImages }),
  };
}

/** A body without one of its fields. */
export function without(body: Body, field: string): Body {
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== field));
}
