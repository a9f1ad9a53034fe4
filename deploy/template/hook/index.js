// Serverless Devs calls it once a project has been started; it swallows what fails here.
'use strict';

exports.postInit = async function postInit({ appPath }) {
  console.log(`\n接下来的步骤 / What comes next: ${appPath}/START.md\n`);
};
