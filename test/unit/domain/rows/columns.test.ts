import { expect, test } from 'vitest';
import { inputColumnOf, isReportColumn, metadataLabelName } from '../../../../src/domain/rows/columns.js';

test('input columns are recognized in any letter case', () => {
  expect(inputColumnOf(' Aspect_Ratio ')).toBe('aspect_ratio');
  expect(inputColumnOf('category')).toBeUndefined();
});

test('columns of our own reports are recognized, similar ones are not', () => {
  expect(isReportColumn('Failure_Kind')).toBe(true);
  expect(isReportColumn('reject_rule')).toBe(true);
  expect(isReportColumn('failure_mode')).toBe(false);
});

test('a label with the name of one of our columns gets the prefix input_', () => {
  expect(metadataLabelName('file_name')).toBe('input_file_name');
  expect(metadataLabelName('row_id')).toBe('input_row_id');
  expect(metadataLabelName('Width')).toBe('input_Width');
  expect(metadataLabelName('category')).toBe('category');
});
