import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
var JOBS_MISSING="jobs-missing";export{JOBS_MISSING};
