import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{logTemporalTo,logToFile,logToStderr}from"./chunk-N6QGAAVM.js";import"./chunk-D7MG6YZ6.js";export{logTemporalTo,logToFile,logToStderr};
