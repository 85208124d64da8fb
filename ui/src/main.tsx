import './base/tokens.css';
import { render } from 'preact';
import { App } from './app';
import { listenForKeys } from './base/commands';
import { BASE, fromMlflowHash } from './base/location';

// Links as MLflow's client prints them: /#/experiments/1/runs/ID.
const path = fromMlflowHash(location.hash);
if (path !== null) history.replaceState(null, '', BASE + path);

listenForKeys();
render(<App />, document.getElementById('app') as HTMLElement);
