/** The three models by the names that the settings and the job lists use. */
export const MODELS = ['nb', 'nb2', 'pro'] as const;
export type Model = (typeof MODELS)[number];

/** What a create starts from: text alone, or images by URL as well. A key may be scoped to one of them. */
export const MODES = ['text', 'image'] as const;
export type Mode = (typeof MODES)[number];

export const RESOLUTIONS = ['1K', '2K', '4K'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** A model and mode that a create endpoint serves. */
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

/** The values of `aspect_ratio` that an endpoint takes. */
export function aspectRatiosOf({ model, mode }: Endpoint): readonly string[] {
  if (model === 'nb') return COMMON_RATIOS;
  return [...COMMON_RATIOS, ...LONG_RATIOS, ...(mode === 'image' ? ['auto'] : [])];
}

/** Most input images of a create, and most bytes of them together. */
export const INPUT_IMAGES = { most: 14, mostBytes: 40_000_000 } as const;

/** The path below which the API lies on its own origin. */
export const API_PATH = '/api/v1';
