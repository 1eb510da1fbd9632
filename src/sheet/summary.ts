import { ImageCounts, imagesOf, type ImagesOfKind } from '../domain/money/image-counts.js';
import { looksLikeSplit, hasChosenName } from '../domain/images/image-name.js';
import { isUploaded } from '../domain/rows/input-image.js';
import type { RecordPlace } from './record-place.js';
import type { RejectedRecord, Repeat } from '../domain/rows/row.js';
import type { SheetHeader, SheetItem } from './read-sheet.js';
import { saysMoment } from './rows/with-moment.js';

/** The input images that accepted rows name. */
export interface InputCounts {
  /** Rows with input images. */
  readonly rows: number;
  /** Number of http(s) URLs, counted each time that a row names one. */
  readonly urls: number;
  /** The first hosts of those URLs. */
  readonly hosts: readonly string[];
  /** Number of images known by content, counted each time that a row names one. */
  readonly uploads: number;
}

const MOST_HOSTS = 100;

/** Counts the input images of rows one by one. */
class InputTally {
  readonly #hosts = new Set<string>();
  #rows = 0;
  #urls = 0;
  #uploads = 0;

  add(inputImages: readonly string[]): void {
    if (inputImages.length === 0) return;
    this.#rows += 1;
    for (const image of inputImages) {
      if (isUploaded(image)) this.#uploads += 1;
      else {
        this.#urls += 1;
        if (this.#hosts.size < MOST_HOSTS) this.#hosts.add(new URL(image).hostname);
      }
    }
  }

  get counts(): InputCounts {
    return { rows: this.#rows, urls: this.#urls, hosts: [...this.#hosts], uploads: this.#uploads };
  }
}

/** A record that is identical to an earlier one, by the lines on which they start. */
export interface Duplicate {
  readonly line: number;
  readonly firstLine: number;
  /** Their row numbers in a spreadsheet; absent if equal to the lines. */
  readonly tableRow?: number;
  readonly firstTableRow?: number;
}

/** The counts of a whole sheet. */
export interface SheetSummary extends SheetHeader {
  /** All carried columns, including those found after the header: unnamed ones with content, late keys of JSON Lines. */
  readonly labelColumns: readonly string[];
  /** Accepted rows after expansion: one image each; `images` has their kinds. */
  readonly rows: number;
  readonly rejected: number;
  /** Empty records, which are left out: rows of only delimiters, spaces, FALSE and 0. */
  readonly blank: number;
  /** Records without an id that are identical to an earlier one; `rows` includes their rows unless they are skipped. */
  readonly duplicates: number;
  /** The lines of the first of them. */
  readonly firstDuplicates: readonly Duplicate[];
  readonly images: readonly ImagesOfKind[];
  /** Whether any row has a chosen name. */
  readonly hasNames: boolean;
  /** Whether Hugging Face takes the folders of any name for splits other than train. */
  readonly hasSplitNames: boolean;
  /** Whether the final prompt or the name of any row contains `{{date}}` or `{{time}}`. */
  readonly saysMoment: boolean;
  readonly inputs: InputCounts;
  /** The first 20. */
  readonly firstRejected: readonly RejectedRecord[];
}

const SHOWN_REJECTED = 20;
const SHOWN_DUPLICATES = 5;

/** Counts a sheet's items one by one. */
export class SheetTally {
  #header: SheetHeader = {
    format: 'csv',
    delimiter: ',',
    columns: [],
    sheetColumns: [],
    labelColumns: [],
    isFailures: false,
    isRejects: false,
  };
  readonly #labels = new Set<string>();
  readonly #images = new ImageCounts();
  readonly #inputs = new InputTally();
  readonly #firstRejected: RejectedRecord[] = [];
  readonly #firstDuplicates: Duplicate[] = [];
  #rejected = 0;
  #blank = 0;
  #duplicates = 0;
  #hasNames = false;
  #hasSplitNames = false;
  #saysMoment = false;
  #lastRepeatLine = 0;

  /** Counts one item. */
  add(item: SheetItem): void {
    switch (item.kind) {
      case 'header':
        this.#header = item.header;
        for (const label of item.header.labelColumns) this.#labels.add(label);
        return;
      case 'rejected':
        this.#rejected += 1;
        if (this.#firstRejected.length < SHOWN_REJECTED) this.#firstRejected.push(item.rejected);
        return;
      case 'blank':
        this.#blank += item.records;
        return;
      case 'row':
        this.#images.add(item.row);
        this.#inputs.add(item.row.inputImages);
        this.#hasNames ||= hasChosenName(item.row);
        this.#hasSplitNames ||= looksLikeSplit(item.row.imageName);
        this.#saysMoment ||= saysMoment(item.row.prompt) || saysMoment(item.row.imageName);
        for (const label of Object.keys(item.row.labels)) this.#labels.add(label);
        // The replicas of one repeated record are one duplicate.
        if (item.repeatOf !== undefined && item.row.line !== this.#lastRepeatLine) {
          this.#addDuplicate(item.row, { ...item, repeatOf: item.repeatOf });
        }
        return;
      case 'skipped':
        this.#addDuplicate(item.skipped, item.skipped);
    }
  }

  #addDuplicate({ line, tableRow }: RecordPlace, { repeatOf, repeatOfRow }: Repeat): void {
    this.#duplicates += 1;
    this.#lastRepeatLine = line;
    if (this.#firstDuplicates.length === SHOWN_DUPLICATES) return;
    this.#firstDuplicates.push({
      line,
      firstLine: repeatOf,
      ...(tableRow !== undefined && { tableRow }),
      ...(repeatOfRow !== undefined && { firstTableRow: repeatOfRow }),
    });
  }

  /** The sums so far. */
  summary(): SheetSummary {
    const images = this.#images.list;
    return {
      ...this.#header,
      labelColumns: [...this.#labels],
      rows: imagesOf(images),
      rejected: this.#rejected,
      blank: this.#blank,
      duplicates: this.#duplicates,
      firstDuplicates: [...this.#firstDuplicates],
      images,
      hasNames: this.#hasNames,
      hasSplitNames: this.#hasSplitNames,
      saysMoment: this.#saysMoment,
      inputs: this.#inputs.counts,
      firstRejected: [...this.#firstRejected],
    };
  }
}
