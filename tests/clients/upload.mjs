// Uploads one file with tus-js-client, as its documentation shows, and prints what happened.
// usage: node upload.mjs '{"endpoint":…,"file":…,"token":…,"mode":"one|chunked|deferred|with-data"}'
import fs from "node:fs";
import { PassThrough } from "node:stream";
import * as tus from "tus-js-client";

const asked = JSON.parse(process.argv[2]);
const told = { retries: 0, requests: [] };
const options = {
  endpoint: asked.endpoint,
  headers: { Authorization: `Bearer ${asked.token}` },
  metadata: { filename: "现场.mp4", filetype: "video/mp4" },
  retryDelays: [0, 50, 100, 200, 400],
  onShouldRetry: () => {
    told.retries += 1;
    return true;
  },
  onAfterResponse: (request, response) => {
    told.requests.push([request.getMethod(), response.getStatus()]);
  },
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => {
    console.log(JSON.stringify({ ...told, url: upload.url }));
  },
};
options.chunkSize = Number.POSITIVE_INFINITY;
if (asked.mode === "chunked") options.chunkSize = 1_000_000;
if (asked.mode === "with-data") options.uploadDataDuringCreation = true;
if (asked.mode === "deferred") {
  options.uploadLengthDeferred = true;
  options.chunkSize = 1_000_000;
} else {
  options.uploadSize = fs.statSync(asked.file).size;
}
// Of a file's own stream the client knows the path and takes the size from it; a plain stream is
// what a length that is not known yet is for.
const file = fs.createReadStream(asked.file);
const source = asked.mode === "deferred" ? file.pipe(new PassThrough()) : file;
const upload = new tus.Upload(source, options);
upload.start();
