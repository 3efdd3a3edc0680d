"""What `import tgas_neuro` offers: recordings, teachers, scores, searches and runs."""
