import './base/tokens.css';
import { render } from 'preact';
import { App } from './app';
import { listenForKeys } from './base/commands';
import { BASE, fromMlflowHash } from './base/location';
import { watchReturns } from './base/place';

// Links as MLflow's client prints them: /#/experiments/1/runs/ID.
function followHash(): void {
  const path = fromMlflowHash(location.hash);
  if (path === null) return;
  history.replaceState(null, '', BASE + path);
  dispatchEvent(new PopStateEvent('popstate')); // the router listens to nothing else
}

followHash();
addEventListener('hashchange', followHash);

listenForKeys();
watchReturns();
render(<App />, document.getElementById('app') as HTMLElement);
