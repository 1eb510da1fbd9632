/** BananaHub's models by our short names: NanoBanana, NanoBanana 2, NanoBanana Pro. */
export const MODELS = ['nb', 'nb2', 'pro'] as const;
export type Model = (typeof MODELS)[number];

export const RESOLUTIONS = ['1K', '2K', '4K'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** The input of a generation: text alone, or images as well. */
export type InputMode = 'text' | 'image';

const ASPECT_RATIOS_OF_ALL_MODELS = [
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

const MORE_ASPECT_RATIOS = [...ASPECT_RATIOS_OF_ALL_MODELS, '1:4', '1:8', '4:1', '8:1'] as const;

/** What the service accepts for a model in a mode. */
export interface GenerationRules {
  /** In display order. `auto` takes the first input image's. */
  readonly aspectRatios: readonly string[];
  /** The resolutions of the generated images. */
  readonly resolutions: readonly Resolution[];
  /** Whether the request has the resolution; if not, the service refuses the field. */
  readonly sendsResolution: boolean;
  readonly inputImages: { readonly least: number; readonly most: number };
}

/** Maximum total size of the input images of one request. 40 MB; decimal, since the service does not say which unit it means. */
export const MOST_INPUT_BYTES = 40_000_000;

const NONE = { least: 0, most: 0 };
const SOME = { least: 1, most: 14 };
const ALWAYS_1K = { resolutions: ['1K'], sendsResolution: false } as const;
const CHOSEN = { resolutions: RESOLUTIONS, sendsResolution: true } as const;
const TEXT_OF_NEWER = { ...CHOSEN, aspectRatios: MORE_ASPECT_RATIOS, inputImages: NONE };
const IMAGE_OF_NEWER = { ...CHOSEN, aspectRatios: [...MORE_ASPECT_RATIOS, 'auto'], inputImages: SOME };

/** The one table of what each model accepts in each mode. Source: the API contract, "Models and endpoints". */
const RULES: Readonly<Record<Model, Readonly<Record<InputMode, GenerationRules>>>> = {
  nb: {
    text: { ...ALWAYS_1K, aspectRatios: ASPECT_RATIOS_OF_ALL_MODELS, inputImages: NONE },
    image: { ...ALWAYS_1K, aspectRatios: ASPECT_RATIOS_OF_ALL_MODELS, inputImages: SOME },
  },
  nb2: { text: TEXT_OF_NEWER, image: IMAGE_OF_NEWER },
  pro: { text: TEXT_OF_NEWER, image: IMAGE_OF_NEWER },
};

/** What the service accepts for a model in a mode. */
export function rulesFor(model: Model, mode: InputMode): GenerationRules {
  return RULES[model][mode];
}

/** The mode of a request with this number of input images. */
export function modeWith(inputImages: readonly unknown[]): InputMode {
  return inputImages.length > 0 ? 'image' : 'text';
}

/** The resolutions that a model can make, in either mode. NanoBanana always makes 1K. */
export function resolutionsFor(model: Model): readonly Resolution[] {
  return RULES[model].text.resolutions;
}
