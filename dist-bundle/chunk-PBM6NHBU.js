import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
var WORKER_ROLES=["main","create","await","store"];export{WORKER_ROLES};
