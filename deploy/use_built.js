// Deploys what `make layer` built in place of what s.yaml names: the code package for `code`, and in `layers` the
// version under which the layer is published. A plugin of Serverless Devs, called by actions.pre-deploy of each
// function.
//
// fc3 publishes a layer only if its bytes differ from those of the newest version; either way it tells the ARN.
// Serverless Devs prints no value of the keys' configuration, so the account id in that ARN is masked
// (`acs:fc:cn-hangzhou:123**********456:layers/…/versions/7`): only the version is read from it.
// The functions of one deployment share it: what was published for the first is what the next ones get.
'use strict';

const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const OWN_LAYER = /^(acs:fc:[^:]+:(\d+):layers\/([^/]+)\/versions\/)\d+$/;
// A layer's name is not compared: it may have the account id in it.
const TOLD_VERSION = /:layers\/[^/\s]+\/versions\/(\d+)/g;

// Versions by region, name and file. Serverless Devs loads a plugin once for all functions.
const published = new Map();

// Serverless Devs goes on after a failed action if it is called with one of these, so an exception is not enough.
const IGNORES_FAILURES = ['-o', '--output-format'];

// It must be an async function: Serverless Devs would call any other one with `new`.
module.exports = async function useBuilt(inputs) {
  if (process.argv.some((word) => IGNORES_FAILURES.includes(word))) {
    console.error(`Do not deploy with ${IGNORES_FAILURES.join(' or ')}: failed checks would be ignored.`);
    process.exit(1);
  }
  const { props } = inputs;
  const built = (name) => {
    const file = path.join(path.dirname(inputs.yaml.path), 'layers', 'build', `${name}.zip`);
    if (!fs.existsSync(file)) {
      throw new Error(`${file} is not there: run \`make layer\`.`);
    }
    return file;
  };
  const index = (props.layers || []).findIndex((arn) => OWN_LAYER.test(arn));
  if (index < 0) {
    throw new Error('`layers` names no layer of your own: which one is to be published?');
  }
  const [, withoutVersion, account, name] = OWN_LAYER.exec(props.layers[index]);
  const { access } = inputs.resource;
  const { AccountID: publisher } = await inputs.getCredential();
  if (publisher && String(publisher) !== account) {
    throw new Error(
      `The keys of \`access: ${access}\` are of another account than the layer: set ALIBABA_CLOUD_ACCOUNT_ID to theirs.`,
    );
  }
  props.code = built(`code-${props.runtime}`);
  const layer = built(props.runtime);
  const key = [props.region, name, layer].join(' ');
  if (!published.has(key)) {
    published.set(key, publish(name, layer, props, access));
  }
  props.layers[index] = withoutVersion + published.get(key);
  console.log(`layer: ${props.layers[index]}`);
  return inputs;
};

function publish(name, file, { region, runtime }, access) {
  const options = ['--region', region, '--layer-name', name, '--code', file, '--compatible-runtime', runtime];
  const told = spawnSync('s', ['cli', 'fc3', 'layer', 'publish', ...options, '--access', access], {
    encoding: 'utf8',
  });
  if (told.error || told.status !== 0) {
    throw new Error(`The layer could not be published: ${told.error || told.stdout + told.stderr}`);
  }
  const versions = Array.from(told.stdout.matchAll(TOLD_VERSION), ([, version]) => version);
  if (versions.length === 0) {
    throw new Error(`The layer may be published, but no version was told: ${told.stdout}`);
  }
  return versions[versions.length - 1];
}
