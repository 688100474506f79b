//! From neighbour lists to the frozen graph: repaired, numbered by falling level, flattened.
//!
//! The heuristics of HNSW construction can leave nodes that no edge leads to. Repair makes layer 0 strongly
//! connected, so that every node is reachable from wherever the upper layers lead.

use super::build::layered_neighbours;
use super::walk::Graph;
use crate::kernels::distance;

/// A graph in memory. Its nodes are renumbered: node `i` is representative `order[i]` of those given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Frozen {
    pub(crate) order: Vec<u32>,
    pub(crate) layers: Vec<u32>,
    pub(crate) offsets: Vec<u32>,
    pub(crate) edges: Vec<u32>,
}

impl Frozen {
    /// The graph over its representatives, which must already be in `order`.
    pub(crate) fn view<'a>(&'a self, representatives: &'a [u64]) -> Graph<'a> {
        Graph { layers: &self.layers, offsets: &self.offsets, edges: &self.edges, representatives }
    }
}

/// Builds the graph over distinct codes `[nodes, words]`.
pub(crate) fn build(codes: &[u64], words: usize) -> Frozen {
    if codes.is_empty() {
        return Frozen { layers: vec![0], offsets: vec![0], ..Frozen::default() };
    }
    let mut neighbours = layered_neighbours(codes, words);
    let levels: Vec<usize> = neighbours.iter().map(|layers| layers.len() - 1).collect();
    for (node, layers) in neighbours.iter_mut().enumerate() {
        for (layer, list) in layers.iter_mut().enumerate() {
            // the first node of a new top layer is linked to nodes that do not reach it
            list.retain(|&next| next as usize != node && levels[next as usize] >= layer);
        }
    }
    connect(codes, words, &mut neighbours);
    flatten(&neighbours)
}

/// Adds edges to layer 0 until every node reaches every other.
fn connect(codes: &[u64], words: usize, neighbours: &mut [Vec<Vec<u32>>]) {
    let nodes = neighbours.len();
    let entry = top_node(neighbours);
    let mut backward = vec![Vec::new(); nodes];
    for (node, layers) in neighbours.iter().enumerate() {
        layers[0].iter().for_each(|&next| backward[next as usize].push(node as u32));
    }
    let forward: Vec<Vec<u32>> = neighbours.iter().map(|layers| layers[0].clone()).collect();
    for (from, to) in missing_links(codes, words, entry, &forward) {
        neighbours[from as usize][0].push(to);
        backward[to as usize].push(from);
    }
    for (to, from) in missing_links(codes, words, entry, &backward) {
        neighbours[from as usize][0].push(to);
    }
}

fn top_node(neighbours: &[Vec<Vec<u32>>]) -> u32 {
    let top = neighbours.iter().map(Vec::len).max().unwrap_or_default();
    neighbours.iter().position(|layers| layers.len() == top).unwrap_or_default() as u32
}

/// The links that make all nodes reachable from `entry`, each from the nearest reachable node.
fn missing_links(codes: &[u64], words: usize, entry: u32, edges: &[Vec<u32>]) -> Vec<(u32, u32)> {
    let code = |node: u32| &codes[node as usize * words..][..words];
    let mut reached = vec![false; edges.len()];
    let mut order = vec![];
    let mut links = vec![];
    let reach = |from: u32, reached: &mut Vec<bool>, order: &mut Vec<u32>| {
        reached[from as usize] = true;
        let mut at = order.len();
        order.push(from);
        while at < order.len() {
            for &next in &edges[order[at] as usize] {
                if !std::mem::replace(&mut reached[next as usize], true) {
                    order.push(next);
                }
            }
            at += 1;
        }
    };
    reach(entry, &mut reached, &mut order);
    for node in 0..edges.len() as u32 {
        if reached[node as usize] {
            continue;
        }
        let nearest = order.iter().map(|&other| (distance(code(other), code(node)), other)).min();
        if let Some((_, from)) = nearest {
            links.push((from, node));
        }
        reach(node, &mut reached, &mut order);
    }
    links
}

/// Numbers the nodes by falling level (then by number) and writes the flat arrays.
fn flatten(neighbours: &[Vec<Vec<u32>>]) -> Frozen {
    let mut order: Vec<u32> = (0..neighbours.len() as u32).collect();
    order.sort_by_key(|&node| std::cmp::Reverse(neighbours[node as usize].len()));
    let mut number = vec![0; order.len()];
    for (new, &old) in order.iter().enumerate() {
        number[old as usize] = new as u32;
    }
    let height = neighbours[order[0] as usize].len();
    let mut frozen = Frozen { layers: vec![0], offsets: vec![0], ..Frozen::default() };
    for layer in 0..height {
        let members =
            order.iter().map(|&old| &neighbours[old as usize]).take_while(|layers| layers.len() > layer);
        for layers in members {
            frozen.edges.extend(layers[layer].iter().map(|&old| number[old as usize]));
            frozen.offsets.push(frozen.edges.len() as u32);
        }
        frozen.layers.push(frozen.offsets.len() as u32 - 1);
    }
    frozen.order = order;
    frozen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::clustered_codes;

    #[test]
    fn the_same_codes_make_the_same_graph() {
        let codes = clustered_codes(500, 128, 10, 1);
        assert_eq!(build(&codes, 2), build(&codes, 2));
    }

    #[test]
    fn nodes_without_edges_are_linked_both_ways() {
        let codes = [0u64, 1, 3, 0xff00, 0xff01];
        let lone = || vec![vec![]];
        let mut neighbours = vec![vec![vec![1], vec![]], lone(), lone(), vec![vec![4]], vec![vec![3]]];
        connect(&codes, 1, &mut neighbours);
        for start in 0..5 {
            let forward: Vec<Vec<u32>> = neighbours.iter().map(|layers| layers[0].clone()).collect();
            assert_eq!(missing_links(&codes, 1, start, &forward), []);
        }
    }

    #[test]
    fn layers_are_prefixes_and_edges_stay_inside_them() {
        let codes = clustered_codes(3000, 64, 30, 2);
        let frozen = build(&codes, 1);
        assert!(frozen.layers.len() > 2, "several layers");
        let mut smaller = 3000;
        for layer in 0..frozen.layers.len() - 1 {
            let (first, last) = (frozen.layers[layer] as usize, frozen.layers[layer + 1] as usize);
            assert!(last - first <= smaller);
            smaller = last - first;
            let edges = &frozen.edges[frozen.offsets[first] as usize..frozen.offsets[last] as usize];
            assert!(edges.iter().all(|&edge| (edge as usize) < smaller));
        }
    }
}
