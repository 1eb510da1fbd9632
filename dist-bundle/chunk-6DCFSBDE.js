import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
var BATCH_ID=/^[a-z0-9][a-z0-9._-]{0,79}$/;function parseBatchId(text){return BATCH_ID.test(text)?text:void 0}var BATCH_ID_RULE='lower-case letters, digits, ".", "_" and "-", starting with a letter or digit, at most 80 characters';export{parseBatchId,BATCH_ID_RULE};
