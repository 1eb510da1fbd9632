/** The three models by their names in the settings and the job lists. */
export const MODELS = ['nb', 'nb2', 'pro'] as const;
export type Model = (typeof MODELS)[number];

/** The input of a create: text alone, or also images by URL. A key may be limited to one of them. */
export const MODES = ['text', 'image'] as const;
export type Mode = (typeof MODES)[number];

export const RESOLUTIONS = ['1K', '2K', '4K'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** A model and mode with a create endpoint. */
export interface Endpoint {
  readonly model: Model;
  readonly mode: Mode;
}

/** The create endpoints by their path below the base URL. */
export const CREATE_ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['/nb/text-generations', { model: 'nb', mode: 'text' }],
  ['/nb/url-generations', { model: 'nb', mode: 'image' }],
  ['/nb2/text-generations', { model: 'nb2', mode: 'text' }],
  ['/nb2/url-generations', { model: 'nb2', mode: 'image' }],
  ['/text-generations', { model: 'pro', mode: 'text' }],
  ['/url-generations', { model: 'pro', mode: 'image' }],
]);

const COMMON_RATIOS = [
  '1:1',
  '2:3',
  '3:2',
  '3:4',
  '4:3',
  '4:5',
  '5:4',
  '9:16',
  '16:9',
  '21:9',
  'from_prompt',
];
const LONG_RATIOS = ['1:4', '1:8', '4:1', '8:1'];

/** The values of `aspect_ratio` that an endpoint accepts. */
export function aspectRatiosOf({ model, mode }: Endpoint): readonly string[] {
  if (model === 'nb') return COMMON_RATIOS;
  return [...COMMON_RATIOS, ...LONG_RATIOS, ...(mode === 'image' ? ['auto'] : [])];
}

/** Maximum number of input images of a create, and maximum total bytes. */
export const INPUT_IMAGES = { most: 14, mostBytes: 40_000_000 } as const;

/** The path of the API on its own origin. */
export const API_PATH = '/api/v1';
