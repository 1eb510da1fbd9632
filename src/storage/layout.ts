import type { BatchId } from '../domain/rows/ids.js';
import { INPUT_IMAGES_FOLDER, isUploaded } from '../domain/rows/input-image.js';
import type { ImageType } from '../domain/rows/outcome.js';
import type { ObjectRef } from './object-store.js';

/**
 * The place of a batch. All keys below are full keys within the bucket; `at` makes an object's place of one. Numbers
 * are zero-padded so that keys list in order; wider numbers just grow, so sort by number, not by key.
 */
export interface BatchLocation {
  readonly bucket: string;
  /** All of the batch's keys start with it; ends with `/`. */
  readonly root: string;
  readonly batchId: BatchId;
}

/** A folder of a bucket: all keys in it start with `root`, which ends with `/`. */
export type BucketFolder = Pick<BatchLocation, 'bucket' | 'root'>;

/** Where batches without a place of their own are: each in a folder of its name below `prefix`, which is empty or ends with `/`. */
export interface HomeFolder {
  readonly bucket: string;
  readonly prefix: string;
}

/** The place of a batch without one of its own. */
export function homeOf({ bucket, prefix }: HomeFolder, batchId: BatchId): BatchLocation {
  return { bucket, root: `${prefix}${batchId}/`, batchId };
}

/** Whether two batches, or runs of them, are in one folder. */
export function isSamePlace(one: BucketFolder, other: BucketFolder): boolean {
  return one.bucket === other.bucket && one.root === other.root;
}

/** A folder of a bucket as users write it: `s3://bucket/folder/`. */
export function addressOf({ bucket, root }: BucketFolder): string {
  return `s3://${bucket}/${root}`;
}

/** One run of a batch; small, since it is part of every activity's input. */
export interface RunRef extends BatchLocation {
  readonly runSeq: number;
}

/** The place of a key from one of the functions below, for the same location. */
export function at(location: BucketFolder, key: string): ObjectRef {
  return { bucket: location.bucket, key };
}

/** All of a batch's keys start with it; ends with `/`. */
export function batchRoot(location: BucketFolder): string {
  return location.root;
}

/** The batch that a folder belongs to, and where that batch is; only if batches are elsewhere than at home. */
export function placeKey(location: BatchLocation): string {
  return `${batchRoot(location)}place.json`;
}

/** Identity, account, settings and counts: written by ingest. */
export function batchFileKey(location: BatchLocation): string {
  return `${batchRoot(location)}batch.json`;
}

/** The folder of all inputs. */
export function inputsPrefix(location: BucketFolder): string {
  return `${batchRoot(location)}inputs/`;
}

/** An input by its content: the sheet, or the list of its input images. `extension` has no dot. */
export function inputKey(location: BucketFolder, sha256: string, extension: string): string {
  return `${inputsPrefix(location)}${sha256}.${extension}`;
}

/** The folder of the input images of the batch's sheets, by content. */
export function inputImagesPrefix(location: BucketFolder): string {
  return `${batchRoot(location)}${INPUT_IMAGES_FOLDER}`;
}

/** The full key of an input image that a row names by its key below the batch's root. */
export function inputImageKey(location: BucketFolder, inputImage: string): string {
  return `${batchRoot(location)}${inputImage}`;
}

/** A row's input image as an absolute address: `s3://bucket/key`, or its URL unchanged. */
export function inputAddress(location: BatchLocation, inputImage: string): string {
  return isUploaded(inputImage)
    ? `s3://${location.bucket}/${inputImageKey(location, inputImage)}`
    : inputImage;
}

/** The folder of the notes of sent creates with bodies that depend on more than their rows. */
export function sentPrefix(location: BatchLocation): string {
  return `${batchRoot(location)}sent/`;
}

/** The note of the create of the generation with a key. */
export function sentKey(location: BatchLocation, generationKey: string): string {
  return `${sentPrefix(location)}${generationKey}.json`;
}

/** The folder of all runs; the folders directly below it are the batch's runs. */
export function runsPrefix(location: BatchLocation): string {
  return `${batchRoot(location)}runs/`;
}

/** A run's request; written once, so it also decides who starts the run. */
export function requestKey(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}request.json`;
}

/** The folder of a run's texts of the service and the image host. */
export function serviceTextsPrefix(run: RunRef): string {
  return `${runFolder(run, run.runSeq)}messages/`;
}

/** One of them, without secrets, by its fingerprint. */
export function serviceTextKey(run: RunRef, textId: string): string {
  return `${serviceTextsPrefix(run)}${textId}.txt`;
}

/** The images of rows that a run has renamed, and the keys of their copies; absent without any. */
export function renamesKey(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}renames.jsonl`;
}

/** A temporary copy of a renamed image while rows swap names, by its row's tag; `extension` has its dot. */
export function renamedKey(
  location: BatchLocation,
  runSeq: number,
  rowTag: string,
  extension: string,
): string {
  return `${runFolder(location, runSeq)}renamed/${rowTag}${extension}`;
}

/** The leases of the run's budget; absent without a budget. */
export function budgetKey(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}budget.json`;
}

/** The checked rows of one shard, immutable. */
export function rowsKey(location: BatchLocation, runSeq: number, shard: number): string {
  return `${rowsPrefix(location, runSeq)}${padded(shard, 5)}.jsonl`;
}

/** The folder of all checked rows of a run. */
export function rowsPrefix(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}rows/`;
}

/** When a shard was first opened: from then on creates of its rows may have been sent. */
export function openedKey(location: BatchLocation, runSeq: number, shard: number): string {
  return `${runFolder(location, runSeq)}opened/${padded(shard, 5)}.json`;
}

/** The records that a run rejected, and those that it kept from before. */
export function rejectsLedgerKey(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}rejects.jsonl`;
}

/** The records of the sheet that were left out as duplicates; absent without any. */
export function skippedKey(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}skipped.jsonl`;
}

/** One part of a shard's outcomes, in the order of settling. */
export function partKey(location: BatchLocation, runSeq: number, shard: number, part: number): string {
  return `${partsPrefix(location, runSeq)}${padded(shard, 5)}-${padded(part, 3)}.jsonl`;
}

/** The folder of all parts of a run. */
export function partsPrefix(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}parts/`;
}

/** Outcomes of earlier runs that this run keeps. */
export function carriedKey(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}carried.jsonl`;
}

/** The page of a run's canary; only if the run has one. */
export function canaryPageKey(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}canary.html`;
}

/** The folder of that page's data. Ends with `/`. */
export function canaryPageFolder(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}canary/`;
}

/** The result of a run's canary. */
export function canaryFileKey(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}canary.json`;
}

/** Every row of the batch after this run. */
export function outcomesKey(location: BatchLocation, runSeq: number): string {
  return `${runFolder(location, runSeq)}outcomes.jsonl`;
}

/** The folder of all images and their metadata. */
export function imagesPrefix(location: BatchLocation): string {
  return `${batchRoot(location)}${IMAGES_FOLDER}`;
}

/** The folder of all images below a batch's root. */
const IMAGES_FOLDER = 'images/train/';

/** An image's file with its folders from its key below the batch's root, as `metadata.jsonl` names it. */
export function imageFileAt(key: string): string {
  return key.startsWith(IMAGES_FOLDER) ? key.slice(IMAGES_FOLDER.length) : key;
}

/** The image's name from its key below the batch's root: its file without the extension. */
export function imageNameAt(key: string): string {
  return imageFileAt(key).replace(/\.[^./]+$/, '');
}

/** A row's image. `imageName` is `imageNameOf` the row, or the checked name from the sheet. */
export function imageKey(location: BatchLocation, imageName: string, type: ImageType): string {
  return `${imagesPrefix(location)}${imageName}.${type}`;
}

/** The thumbnail of an image with these bytes; apart from the images, since Hugging Face would read it as one of them. */
export function thumbnailKey(location: BatchLocation, sha256: string): string {
  return `${batchRoot(location)}thumbnails/${sha256}.webp`;
}

/** One line per stored image, beside the images, as Hugging Face's imagefolder expects it. */
export function metadataKey(location: BatchLocation): string {
  return `${imagesPrefix(location)}metadata.jsonl`;
}

/** The card of the images as a dataset. People may edit it, so no seal has its digest. */
export function imagesCardKey(location: BatchLocation): string {
  return `${batchRoot(location)}images/README.md`;
}

/** Rows that ended without an image; can be submitted as it is. */
export function failuresKey(location: BatchLocation): string {
  return `${batchRoot(location)}failures.csv`;
}

/** Lines of the sheet that break a rule; can be fixed and submitted. */
export function rejectsKey(location: BatchLocation): string {
  return `${batchRoot(location)}rejects.csv`;
}

/** The sheet as given, with the result of each row. */
export function resultsKey(location: BatchLocation): string {
  return `${batchRoot(location)}results.csv`;
}

/** The contact sheet's page. */
export function contactSheetKey(location: BatchLocation): string {
  return `${batchRoot(location)}contact-sheet.html`;
}

/** The folder of the data of all runs' contact sheets. */
export function contactSheetPrefix(location: BatchLocation): string {
  return `${batchRoot(location)}contact-sheet/`;
}

/** The data of a run's contact sheet: a folder a run, so that a page and its data always belong to one seal. Ends with `/`. */
export function contactSheetFolder(run: RunRef): string {
  return `${contactSheetPrefix(run)}${padded(run.runSeq, 4)}/`;
}

/** Similar images, for batches that requested the search. */
export function nearDuplicatesKey(location: BatchLocation): string {
  return `${batchRoot(location)}near-duplicates.csv`;
}

/** The seal, written last. */
export function reportKey(location: BatchLocation): string {
  return `${batchRoot(location)}report.json`;
}

/** A small object that tests whether the bucket accepts writes; may be overwritten and deleted at any time. */
export function probeKey(location: BatchLocation): string {
  return `${batchRoot(location)}probe.txt`;
}

function runFolder(location: BatchLocation, runSeq: number): string {
  return `${runsPrefix(location)}${padded(runSeq, 4)}/`;
}

function padded(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
