/** BananaHub's models by our short names: NanoBanana, NanoBanana 2, NanoBanana Pro. */
export const MODELS = ['nb', 'nb2', 'pro'] as const;
export type Model = (typeof MODELS)[number];

export const RESOLUTIONS = ['1K', '2K', '4K'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** How a generation gets its input: from text alone, or from images as well. */
export type InputMode = 'text' | 'image';

/** What a row must not ask of a model and mode, one table for the whole program. Source: the API contract, "Models and endpoints". */
export const ASPECT_RATIOS_OF_ALL_MODELS = [
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
] as const;

const EXTREME_ASPECT_RATIOS = ['1:4', '1:8', '4:1', '8:1'] as const;

/** The aspect ratios that the service takes for a model in a mode, in the order to show them. */
export function aspectRatiosFor(model: Model, mode: InputMode): readonly string[] {
  if (model === 'nb') return ASPECT_RATIOS_OF_ALL_MODELS;
  const ratios = [...ASPECT_RATIOS_OF_ALL_MODELS, ...EXTREME_ASPECT_RATIOS];
  return mode === 'image' ? [...ratios, 'auto'] : ratios;
}

/** The resolutions that the service makes for a model. NanoBanana always makes 1K. */
export function resolutionsFor(model: Model): readonly Resolution[] {
  return model === 'nb' ? ['1K'] : RESOLUTIONS;
}
