import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{renderImage,startSandbox}from"./chunk-ZUOVDK7P.js";import{MISBEHAVIOURS}from"./chunk-YWGJ2XJT.js";import"./chunk-RG6POQST.js";import"./chunk-FTE4MTIW.js";import"./chunk-C4ASSDGA.js";import"./chunk-D7MG6YZ6.js";export{MISBEHAVIOURS,renderImage,startSandbox};
