import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{refusalOf}from"./chunk-3EBOZVWS.js";import"./chunk-YIXPN23B.js";import"./chunk-YY2BBCI2.js";import"./chunk-Z5DVBS7I.js";import"./chunk-2ADWVSH5.js";import"./chunk-55P5SOME.js";import"./chunk-2MGZRUXS.js";import"./chunk-KNXHHUI4.js";import"./chunk-C4ASSDGA.js";import"./chunk-D7MG6YZ6.js";export{refusalOf};
